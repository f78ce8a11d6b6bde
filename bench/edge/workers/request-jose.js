// A JavaScript Worker that verifies with `jose`, and then answers (`MODE` answer) or hands the
// request on with the identity in headers (`MODE` forward), as such Workers do.

import { verifier } from "./jose.js";

let verify;

async function forward(request, url, claims) {
  const outgoing = new Request(`http://upstream.invalid${url.pathname}${url.search}`, request);
  for (const name of ["x-user", "x-session", "x-scope", "x-forwarded-for", "x-real-ip"]) {
    outgoing.headers.delete(name);
  }
  outgoing.headers.set("x-user", claims.sub);
  outgoing.headers.set("x-session", claims.sid);
  outgoing.headers.set("x-scope", claims.scope);
  const answered = await fetch(outgoing, { redirect: "manual" });
  const response = new Response(answered.body, answered);
  response.headers.set("cache-control", "private");
  return response;
}

export default {
  async fetch(request, env) {
    verify ??= await verifier({
      keys: env.KEYS,
      issuer: env.ISSUER,
      audience: "api",
      scope: "api:read",
    });
    const url = new URL(request.url);
    if (!url.pathname.startsWith("/api/")) return new Response("not found", { status: 404 });
    const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
    const claims = scheme === "Bearer" && token ? await verify(token) : undefined;
    if (claims === undefined) return new Response("unauthorized", { status: 401 });
    return env.MODE === "forward" ? forward(request, url, claims) : new Response("ok");
  },
};
