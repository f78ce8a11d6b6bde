// openid-client, written by others, finds our endpoints and uses them: discovery (RFC 8414),
// refresh (RFC 6749), introspection (RFC 7662) and revocation (RFC 7009).
//
// Arguments: the edge's URL, a refresh token, a confidential client's id and its secret.
import assert from "node:assert/strict";
import * as client from "openid-client";

const [edge, refreshToken, backendId, backendSecret] = process.argv.slice(2);
const discover = (id, authentication) =>
  client.discovery(new URL(edge), id, undefined, authentication, {
    algorithm: "oauth2",
    // The edge of a test has no TLS.
    execute: [client.allowInsecureRequests],
  });

const app = await discover("portcullis", client.None());
assert.equal(app.serverMetadata().issuer, edge);
const first = await client.refreshTokenGrant(app, refreshToken);
assert.equal(first.token_type, "bearer");
// A second may have begun between the signature and the answer.
assert.ok(first.expires_in >= 590 && first.expires_in <= 600, first.expires_in);
assert.notEqual(first.refresh_token, refreshToken);
const second = await client.refreshTokenGrant(app, first.refresh_token, { scope: "api:read" });
assert.equal(second.scope, "api:read");

for (const authentication of [client.ClientSecretBasic, client.ClientSecretPost]) {
  const backend = await discover(backendId, authentication(backendSecret));
  const access = await client.tokenIntrospection(backend, second.access_token);
  assert.equal(access.active, true);
  assert.equal(access.iss, edge);
  assert.equal(access.client_id, "portcullis");
  assert.equal(access.scope, "api:read");
  const refresh = await client.tokenIntrospection(backend, second.refresh_token);
  assert.equal(refresh.active, true);
  assert.equal((await client.tokenIntrospection(backend, "nonsense")).active, false);

  const impostor = await discover(backendId, authentication("not-the-secret"));
  await assert.rejects(client.tokenIntrospection(impostor, second.access_token));
}
// Whoever cannot keep a secret learns nothing of what a token is worth.
await assert.rejects(client.tokenIntrospection(app, second.access_token));

await client.tokenRevocation(app, second.refresh_token);
await client.tokenRevocation(app, "nonsense");
const backend = await discover(backendId, client.ClientSecretBasic(backendSecret));
for (const token of [second.access_token, second.refresh_token]) {
  assert.equal((await client.tokenIntrospection(backend, token)).active, false);
}
await assert.rejects(
  client.refreshTokenGrant(app, second.refresh_token),
  (error) => error.error === "invalid_grant",
);
