// jose, written by others, verifies our tokens and our feed with what the edge publishes.
//
// Arguments: the edge's URL, an access token.
import assert from "node:assert/strict";
import { createRemoteJWKSet, jwtVerify, decodeProtectedHeader } from "jose";

const [edge, token] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(`${edge}/.well-known/jwks.json`));
const wanted = { issuer: edge, audience: "api", typ: "at+jwt", algorithms: ["EdDSA"] };

const { payload, protectedHeader } = await jwtVerify(token, keys, wanted);
assert.deepEqual(Object.keys(protectedHeader).sort(), ["alg", "kid", "typ"]);
assert.equal(payload.exp - payload.iat, 600);
for (const claim of ["sub", "client_id", "jti", "sid", "scope"]) {
  assert.equal(typeof payload[claim], "string", claim);
}
assert.ok(Array.isArray(payload.roles));

const [header, claims, signature] = token.split(".");
const other = signature[0] === "A" ? "B" : "A";
await assert.rejects(jwtVerify([header, claims, other + signature.slice(1)].join("."), keys, wanted));
await assert.rejects(jwtVerify(token, keys, { ...wanted, audience: "elsewhere" }));
await assert.rejects(jwtVerify(token, keys, { ...wanted, issuer: `${edge}/` }));

const answer = await fetch(`${edge}/.well-known/revocations`);
assert.equal(answer.status, 200);
assert.equal(answer.headers.get("content-type").split(";")[0], "application/revocations+jwt");
const feed = await jwtVerify(await answer.text(), keys, { issuer: edge, typ: "revocations+jwt" });
assert.equal(decodeProtectedHeader(token).kid, feed.protectedHeader.kid);
assert.equal(typeof feed.payload.seq, "number");
