// Verification alone, by the edge's gate.

import module from "./portcullis_bench_edge_bg.wasm";
import routes from "./routes.json";
import { initSync, judge, prepare } from "./portcullis_bench_edge.js";
import { serve } from "./rounds.js";

initSync({ module });

const take = ({ issuer, url, keys, revocations, tables }) =>
  prepare(routes, issuer, url, keys, revocations, tables);

export default {
  fetch: (request) => serve(request, take, judge),
};
