// What the Rust half is told of requests and answers: text, a line for each part. No method, URL or
// header holds a line feed.

/** Of all headers name and value, after `text`. */
function withHeaders(text, headers) {
  headers.forEach((value, name) => {
    text += `\n${name}\n${value}`;
  });
  return text;
}

export const headOf = (request) =>
  withHeaders(`${request.method}\n${request.url}`, request.headers);

/** Begins with a line feed too many. */
export const headersOf = (answer) => withHeaders("", answer.headers).slice(1);
