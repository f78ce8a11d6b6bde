// Carries out the Rust half's orders to forward: by reference, so that bodies, streams and upgrades
// go from the runtime to the runtime. Nothing here reads them, and nothing clones a request, which
// would split its body in two.

import { giveUp, handBack } from "./portcullis_edge.js";
import { answer } from "./answer.js";
import { headersOf } from "./head.js";
import { Trap, call } from "./instance.js";

function send(request, order) {
  // The original is what the new request takes method, body, headers and signal from.
  const outgoing = new Request(order.url, request);
  const headers = outgoing.headers;
  for (const name of order.remove) headers.delete(name);
  for (const name in order.set) headers.set(name, order.set[name]);
  return fetch(outgoing, { redirect: "manual", cache: order.noStore ? "no-store" : undefined });
}

function change(answered, changes) {
  const response = new Response(answered.body, answered);
  const headers = response.headers;
  for (const name of changes.remove) headers.delete(name);
  for (const [name, value] of changes.set) headers.set(name, value);
  for (const [name, value] of changes.append) headers.append(name, value);
  return response;
}

export async function forward(request, order) {
  const handback = JSON.stringify(order.handback);
  try {
    const answered = await send(request, order);
    return change(answered, JSON.parse(call(handBack, handback, answered.status, headersOf(answered))));
  } catch (error) {
    if (error instanceof Trap) throw error;
    return answer(JSON.parse(call(giveUp, handback, String(error?.message ?? error))).answer);
  }
}
