// How the two verifiers are asked: many tokens in one request, since the runtime's clock stands
// still while a request runs, and one request's own cost is not what is asked for.

/**
 * `POST /prepare` hands over what a verifier has to know, as JSON. `POST /?times=N` has each token
 * of the body, one a line, verified N times, and is answered with how many were accepted; with
 * `times=0` everything happens but the verification.
 */
export async function serve(request, prepare, accepts) {
  const url = new URL(request.url);
  if (url.pathname === "/prepare") {
    await prepare(await request.json());
    return new Response("ready");
  }
  const times = Number(url.searchParams.get("times"));
  const tokens = (await request.text()).split("\n");
  let accepted = 0;
  for (let round = 0; round < times; round += 1) {
    for (const token of tokens) {
      if (await accepts(token)) accepted += 1;
    }
  }
  return new Response(String(accepted));
}
