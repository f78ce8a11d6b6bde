// Verification alone, by `jose`.

import { verifier } from "./jose.js";
import { serve } from "./rounds.js";

let verify;

async function prepare(given) {
  verify = await verifier(given);
}

export default {
  fetch: (request) => serve(request, prepare, (token) => verify(token)),
};
