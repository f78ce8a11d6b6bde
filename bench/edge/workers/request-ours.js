// The Worker exactly as it is deployed, but for what the assembly puts in place of a module.

export { default } from "./index.js";
