// node scripts/test-conformance.mjs [--topic T]: the conformance tests, with a WebGPU adapter at hand as with-gpu.mjs
// finds or fetches one. See conformance/README.md.
import { join } from "node:path";

process.argv.splice(2, 0, join(import.meta.dirname, "../conformance/main.ts"));
await import("./with-gpu.mjs");
