// The Worker's entry module: tells the Rust half of each request, and does what that says. It decides
// nothing.
//
// Invariant: whatever happens in here, a request is answered as the Rust half says or by 500. A
// request is forwarded by its order alone, so nothing in here can fail open; `passThroughOnException`
// must never be called.
//
// `cargo xtask build-edge` copies the files of this directory to build/edge/, beside what they import.

import { rule, ruleLater } from "./portcullis_edge.js";
import { answer, internalError } from "./answer.js";
import { forward } from "./forward.js";
import { headOf } from "./head.js";
import { Trap, call, callAndWait, prepare, report } from "./instance.js";

function carryOut(request, text) {
  const order = text.split("\n");
  if (order[0] === "forward") return forward(request, order);
  if (order[0] === "answer") return answer(order);
  throw new Error("an order that cannot be carried out");
}

/** What could not be answered as it should be. Of a trap the log has the cause already. */
function failed(request, error) {
  if (!(error instanceof Trap)) report(error);
  return internalError(request);
}

/** A promise costs time: most requests are ruled on at once, and have none but the upstream's. */
async function later(request, head, ctx) {
  return carryOut(request, await callAndWait(ruleLater, head, request, ctx));
}

export default {
  async fetch(request, env, ctx) {
    try {
      prepare(env);
      const head = headOf(request);
      const order = call(rule, head, request, ctx);
      return await (order === undefined ? later(request, head, ctx) : carryOut(request, order));
    } catch (error) {
      return failed(request, error);
    }
  },
};
