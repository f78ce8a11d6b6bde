// An issuer that others wrote: jose makes its keys and signs its tokens. It serves its key set, and
// whatever tokens it is asked for.
//
// It prints its URL on a line of its own.
//
// POST /sign {alg, kid, typ, claims, by} → a token signed with the key `by` (by default `kid`).
// POST /keys ["kid", …] → the key set is of these keys from now on.
// GET /keys → the key set; GET /count → how often it has been asked for.
import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

const pairs = {};
for (const [kid, alg] of [
  ["rsa", "RS256"],
  ["rsa-next", "RS256"],
  ["ec", "ES256"],
]) {
  pairs[kid] = { alg, ...(await generateKeyPair(alg, { extractable: true })) };
}
let published = ["rsa", "ec"];
let count = 0;

async function keySet() {
  const keys = published.map(async (kid) => {
    const { alg, publicKey } = pairs[kid];
    return { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
  });
  return { keys: await Promise.all(keys) };
}

async function signed({ alg, kid, typ, claims, by = kid }) {
  const header = typ === undefined ? { alg, kid } : { alg, kid, typ };
  return new SignJWT(claims).setProtectedHeader(header).sign(pairs[by].privateKey);
}

const routes = {
  "GET /keys": async () => {
    count += 1;
    return JSON.stringify(await keySet());
  },
  "GET /count": async () => JSON.stringify(count),
  "POST /sign": async (body) => JSON.stringify({ token: await signed(body) }),
  "POST /keys": async (body) => {
    published = body;
    return "{}";
  },
};

async function read(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text === "" ? undefined : JSON.parse(text);
}

const server = createServer(async (request, response) => {
  const route = routes[`${request.method} ${request.url}`];
  response.setHeader("content-type", "application/json");
  response.statusCode = route === undefined ? 404 : 200;
  response.end(route === undefined ? "{}" : await route(await read(request)));
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
