// Signatures whose arithmetic the runtime has in native code. The algorithm comes from the Rust half's
// table, never from a token.

const PARAMETERS = {
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
};

/** Imported keys by the text of their JWK. No I/O is in them, so they may outlive a request. */
const imported = new Map();
const LIMIT = 64;

async function keyOf(jwk, parameters) {
  let key = imported.get(jwk);
  if (key === undefined) {
    key = await crypto.subtle.importKey("jwk", JSON.parse(jwk), parameters, false, ["verify"]);
    if (imported.size >= LIMIT) imported.clear();
    imported.set(jwk, key);
  }
  return key;
}

/** Promises whether the signature is the key's; is rejected for what is no key. */
export async function verify(algorithm, jwk, signature, signed) {
  const parameters = PARAMETERS[algorithm];
  return crypto.subtle.verify(parameters, await keyOf(jwk, parameters), signature, signed);
}
