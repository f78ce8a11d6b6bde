// The outside of all Workers that are measured: in place of a server behind, which answers at once
// and costs next to nothing, and the way to the network for whatever else they fetch.

export default {
  fetch(request) {
    if (!request.url.startsWith("http://upstream.invalid/")) return fetch(request);
    return new Response("ok", { headers: { "content-type": "text/plain" } });
  },
};
