// node scripts/test-conformance.mjs [--topic T]: the conformance tests, with a WebGPU adapter at hand as with-gpu.mjs
// finds or fetches one, unless the topics chosen need none. See conformance/README.md.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const WITHOUT_GPU = ["tokenizer"];

const main = join(import.meta.dirname, "../conformance/main.ts");
const chosen = process.argv.slice(2).flatMap((argument, at, all) => {
  if (argument === "--topic") return [all[at + 1]];
  return argument.startsWith("--topic=") ? [argument.slice("--topic=".length)] : [];
});
if (chosen.length > 0 && chosen.every((topic) => WITHOUT_GPU.includes(topic))) {
  await import("./source-hooks.mjs");
  // `pnpm test:conformance -- --topic T` hands over a literal `--`.
  process.argv = process.argv.filter((argument) => argument !== "--");
  await import(pathToFileURL(main).href);
} else {
  process.argv.splice(2, 0, main);
  await import("./with-gpu.mjs");
}
