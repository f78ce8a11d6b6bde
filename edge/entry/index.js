// The Worker's entry module: hands each request to the Rust half, and brings that half back after
// a trap. It decides nothing.
//
// Invariant: whatever happens in here, a request is answered by the Rust half or by 500. Nothing
// in this file forwards a request, so nothing in it can fail open; `passThroughOnException` must
// never be called.
//
// `cargo xtask build-edge` copies this file to build/edge/, beside what it imports.

import module from "./portcullis_edge_bg.wasm";
import routes from "./routes.toml";
import { initSync, start, fetch as handle, __wbg_reset_state as reinstantiate } from "./portcullis_edge.js";

/**
 * One `reject` per request that the present instance has not answered yet, the oldest first. A
 * request whose client went away is never answered and stays, so there is a limit; whatever falls
 * out of it only loses the quick refusal after a trap.
 */
const unanswered = new Set();
const UNANSWERED_LIMIT = 4096;

function remember(reject) {
  unanswered.add(reject);
  if (unanswered.size > UNANSWERED_LIMIT) unanswered.delete(unanswered.values().next().value);
}

/** Whether the instance trapped and could not be replaced on the spot. */
let dead = false;

initSync({ module });
start(routes);

/**
 * A panic aborts in Wasm and arrives as a `RuntimeError`; an overflown stack is a `RangeError`.
 * After either the instance's memory is in an unknown state. Other exceptions are plain JavaScript
 * ones that the Rust half let through, and leave it sound.
 */
const isTrap = (error) => error instanceof WebAssembly.RuntimeError || error instanceof RangeError;

function report(error) {
  const cause = String(error?.stack ?? error);
  console.error(JSON.stringify({ level: "error", message: "the edge failed", cause }));
}

/**
 * Replaces the instance: memory, snapshot and caches start from nothing. Callbacks that the old one
 * still has out there are recognised by wasm-bindgen and ignored, so the requests that wait for
 * them would wait for ever: they are refused here.
 */
function replaceInstance(trap) {
  dead = true;
  for (const reject of unanswered) reject(trap);
  unanswered.clear();
  reinstantiate();
  start(routes);
  dead = false;
}

/** A trap behind an `await` happens in a task of its own and reaches nobody but these events. */
function onStray(error) {
  if (!isTrap(error)) return;
  report(error);
  replaceInstance(error);
}
addEventListener("error", (event) => onStray(event.error));
addEventListener("unhandledrejection", (event) => onStray(event.reason));

/** The problem `internal_error` of RFC 9457, as the Rust half words it. The cause is in the log only. */
function internalError(request) {
  const problem = {
    type: "urn:portcullis:problem:internal_error",
    title: "Something went wrong here",
    status: 500,
    code: "internal_error",
  };
  return new Response(request.method === "HEAD" ? null : JSON.stringify(problem), {
    status: 500,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store" },
  });
}

export default {
  async fetch(request, env, ctx) {
    let refuse;
    try {
      if (dead) replaceInstance(new Error("an earlier trap"));
      return await new Promise((resolve, reject) => {
        refuse = reject;
        remember(reject);
        handle(request, env, ctx).then(resolve, reject);
      });
    } catch (error) {
      // Not in the set any more: `replaceInstance` refused it, and the trap has been reported.
      if (refuse === undefined || unanswered.has(refuse)) {
        report(error);
        if (isTrap(error)) replaceInstance(error);
      }
      return internalError(request);
    } finally {
      unanswered.delete(refuse);
    }
  },
};
