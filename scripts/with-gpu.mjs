// node scripts/with-gpu.mjs FILE [ARGUMENTS]: runs a TypeScript file with a WebGPU adapter at hand.
//
// Where the system has none, a software driver is fetched once and loaded into this process. FILE runs in this same
// process, so that signals reach it once and its exit code is the command's, with no parent to forward them.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import "./source-hooks.mjs";

const [node, , file, ...programArguments] = process.argv;
if (file === undefined) {
  console.error("Usage: node scripts/with-gpu.mjs FILE [ARGUMENTS]");
  process.exit(2);
}

const { ensureSoftwareGpu, NoSoftwareGpuError } = await import("../packages/software-gpu/src/index.ts");
try {
  await ensureSoftwareGpu({ fetch: true, onMessage: console.error });
} catch (error) {
  if (!NoSoftwareGpuError.is(error)) throw error;
  console.error(error.message);
  process.exit(1);
}

// `pnpm run quickstart -- --flag` hands over a literal `--`.
process.argv = [node, resolve(file), ...programArguments.filter((argument, index) => index > 0 || argument !== "--")];
await import(pathToFileURL(process.argv[1]).href);
