// The Worker exactly as it is deployed. Only what lies behind it is replaced: a request that it
// forwards is answered in here. It fetches its documents over the network.

import edge from "./index.js";
import { upstream } from "./upstream.js";

const network = globalThis.fetch;
globalThis.fetch = (input, init) =>
  typeof input === "string" ? network(input, init) : upstream(input, init);

export default edge;
