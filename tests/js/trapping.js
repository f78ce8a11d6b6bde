// The Worker's entry with a trap in it, for the tests of what comes after one.
//
// The header `x-trap: HOW WHEN` makes the Rust half trap in the middle of its work. HOW is `memory`,
// an allocation that fails (it aborts, as a panic does), or `stack`, a stack that overflows. WHEN is
// `now`, while the request with the header is ruled on, or a number: behind an `await`, as soon as
// so many requests are unanswered.
//
// The Rust half asks for the time while it holds what it knows; that is when it happens.
import { initSync } from "./portcullis_edge.js";
import worker from "./index.js";

const overflow = () => 1 + overflow();

const traps = {
  // Called while it is loaded, this gives the exports of the present instance.
  memory: () => initSync().__wbindgen_malloc(-1, 1),
  stack: overflow,
};

let trap;
let pending;
let unanswered = 0;

const time = Date.now;
Date.now = () => {
  const sprung = trap;
  trap = undefined;
  sprung?.();
  return time.call(Date);
};

function read(request) {
  const [how, when] = (request.headers.get("x-trap") ?? "").split(" ");
  if (when === "now") trap = traps[how];
  else if (how !== "") pending = { trap: traps[how], number: Number(when) };
}

export default {
  async fetch(request, env, ctx) {
    read(request);
    unanswered += 1;
    try {
      const answer = worker.fetch(request, env, ctx);
      if (pending !== undefined && unanswered >= pending.number) {
        trap = pending.trap;
        pending = undefined;
      }
      return await answer;
    } finally {
      unanswered -= 1;
    }
  },
};
