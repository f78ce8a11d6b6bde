// What the platform says beside a request, for the Rust half to ask.

export function beside(request, name) {
  const said = request.cf?.[name];
  return typeof said === "string" ? said : undefined;
}
