// Answers of the edge's own.

/** Carries out the Rust half's order to answer (src/wire/order.rs). */
export function answer(order) {
  const headers = {};
  let at = 2;
  for (; at < order.length && order[at] !== ""; at += 2) headers[order[at]] = order[at + 1];
  const body = order.slice(at + 1).join("\n");
  return new Response(body === "" ? null : body, { status: Number(order[1]), headers });
}

/** The problem `internal_error` of RFC 9457, as the Rust half words it. The cause is in the log only. */
export function internalError(request) {
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
