// A timer that the Rust half can wait for.

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
