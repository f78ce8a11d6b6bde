// Answers of the edge's own.

/** Carries out the Rust half's order to answer. */
export const answer = (order) => new Response(order.body, order);

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
