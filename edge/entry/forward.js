// Carries out the Rust half's orders to forward: by reference, so that bodies, streams and upgrades
// go from the runtime to the runtime. Nothing here reads them, and nothing clones a request, which
// would split its body in two.

import { giveUp, handBack } from "./portcullis_edge.js";
import { answer } from "./answer.js";
import { headersOf } from "./head.js";
import { Trap, call } from "./instance.js";

// Orders and changes are lines, as src/wire/order.rs writes them.

const HANDBACK = 4;

function removeAll(headers, names) {
  if (names !== "") for (const name of names.split(" ")) headers.delete(name);
}

function send(request, order) {
  // The original is what the new request takes method, body, headers and signal from.
  const outgoing = new Request(order[1], request);
  const headers = outgoing.headers;
  removeAll(headers, order[3]);
  for (let at = HANDBACK + 1; at < order.length; at += 2) headers.set(order[at], order[at + 1]);
  return fetch(outgoing, { redirect: "manual", cache: order[2] === "" ? undefined : order[2] });
}

function change(answered, changes) {
  const response = new Response(answered.body, answered);
  const headers = response.headers;
  removeAll(headers, changes[0]);
  for (let at = 1; at < changes.length; at += 3) {
    if (changes[at] === "append") headers.append(changes[at + 1], changes[at + 2]);
    else headers.set(changes[at + 1], changes[at + 2]);
  }
  return response;
}

export async function forward(request, order) {
  const handback = order[HANDBACK];
  try {
    const answered = await send(request, order);
    // Where there is nothing to split, the answer cannot be handed back.
    return change(answered, call(handBack, handback, answered.status, headersOf(answered)).split("\n"));
  } catch (error) {
    if (error instanceof Trap) throw error;
    return answer(call(giveUp, handback, String(error?.message ?? error)).split("\n"));
  }
}
