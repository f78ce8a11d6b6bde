// The Rust half's instance: starts it, and replaces it after a trap.
//
// Invariant: whatever is thrown out of a call into the instance is told from what the runtime throws
// by itself. Only the first kind can mean that the instance's memory is in an unknown state.

import module from "./portcullis_edge_bg.wasm";
import routes from "./routes.json";
import { initSync, start, configure, __wbg_reset_state as reinstantiate } from "./portcullis_edge.js";

/** The instance trapped. */
export class Trap extends Error {}

/**
 * One `reject` per request that waits for a promise of the present instance, the oldest first. A
 * request whose client went away is never answered and stays, so there is a limit; whatever falls
 * out of it only loses the quick refusal after a trap.
 */
const waiting = new Set();
const WAITING_LIMIT = 4096;

/** Whether the instance trapped and could not be replaced on the spot. */
let dead = false;

/** Whether the present instance knows the Worker's variables. */
let configured = false;

initSync({ module });
start(routes);

/**
 * A panic aborts in Wasm and arrives as a `RuntimeError`; an overflown stack is a `RangeError`.
 * Other exceptions are plain JavaScript ones that the Rust half let through, and leave it sound.
 */
const isTrap = (error) => error instanceof WebAssembly.RuntimeError || error instanceof RangeError;

export function report(error) {
  const cause = String(error?.stack ?? error);
  console.error(JSON.stringify({ level: "error", message: "the edge failed", cause }));
}

/**
 * Replaces the instance: memory, snapshot and caches start from nothing. Callbacks that the old one
 * still has out there are recognised by wasm-bindgen and ignored, so the requests that wait for
 * them would wait for ever: they are refused here.
 */
function replace(cause) {
  dead = true;
  configured = false;
  const trap = new Trap("the instance was replaced", { cause });
  for (const reject of waiting) reject(trap);
  waiting.clear();
  reinstantiate();
  start(routes);
  dead = false;
}

/** Makes the instance ready for a request with these variables. */
export function prepare(env) {
  if (dead) replace("an earlier trap");
  if (configured) return;
  call(configure, env);
  configured = true;
}

/** Calls into the instance, and replaces it when it traps. */
export function call(exported, first, second, third) {
  try {
    return exported(first, second, third);
  } catch (error) {
    if (!isTrap(error)) throw error;
    report(error);
    replace(error);
    throw new Trap("the instance trapped", { cause: error });
  }
}

/** As `call`, for what gives a promise: is rejected when the instance is replaced meanwhile. */
export async function callAndWait(exported, first, second, third) {
  let refuse;
  try {
    return await new Promise((resolve, reject) => {
      call(exported, first, second, third).then(resolve, reject);
      refuse = reject;
      waiting.add(reject);
      if (waiting.size > WAITING_LIMIT) waiting.delete(waiting.values().next().value);
    });
  } finally {
    waiting.delete(refuse);
  }
}

/** A trap behind an `await` happens in a task of its own and reaches nobody but these events. */
function onStray(error) {
  if (!isTrap(error)) return;
  report(error);
  replace(error);
}
addEventListener("error", (event) => onStray(event.error));
addEventListener("unhandledrejection", (event) => onStray(event.reason));
