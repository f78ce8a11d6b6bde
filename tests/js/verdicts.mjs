// jose, written by others, judges tokens that somebody has tampered with.
//
// Reads one JSON object: the key set, what a token has to satisfy, the time in seconds, and the tokens.
// Writes an array with an element for each: null where jose refuses the token, else the type and the
// header members that jose read in it.
import { readFileSync } from "node:fs";
import { createLocalJWKSet, jwtVerify } from "jose";

const { jwks, issuer, audience, lifetime, leeway, now, tokens } = JSON.parse(readFileSync(0, "utf8"));
const keys = createLocalJWKSet(jwks);
const wanted = {
  issuer,
  audience,
  typ: "at+jwt",
  algorithms: ["EdDSA", "Ed25519"],
  requiredClaims: ["sub", "client_id", "iat", "exp", "jti"],
  clockTolerance: leeway,
  maxTokenAge: lifetime,
  currentDate: new Date(now * 1000),
};

const verdicts = [];
for (const token of tokens) {
  try {
    const { protectedHeader } = await jwtVerify(token, keys, wanted);
    verdicts.push({ typ: protectedHeader.typ, members: Object.keys(protectedHeader) });
  } catch {
    verdicts.push(null);
  }
}
process.stdout.write(JSON.stringify(verdicts));
