// What a careful author writes with `jose`: one imported key per `kid`, kept; signature, issuer,
// audience, type, expiry and scope checked.

import { importJWK, jwtVerify } from "jose";

/** A function that gives the claims of a token that passes, and nothing for one that does not. */
export async function verifier({ keys, issuer, audience, scope }) {
  const imported = new Map();
  for (const jwk of JSON.parse(keys).keys) imported.set(jwk.kid, await importJWK(jwk, "EdDSA"));
  const keyOf = ({ kid }) => {
    const key = imported.get(kid);
    if (key === undefined) throw new Error("unknown key");
    return key;
  };
  const options = {
    issuer,
    audience,
    typ: "at+jwt",
    algorithms: ["EdDSA", "Ed25519"],
    requiredClaims: ["sub", "exp", "iat"],
    clockTolerance: 5,
  };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keyOf, options);
      return payload.scope.split(" ").includes(scope) ? payload : undefined;
    } catch {
      return undefined;
    }
  };
}
