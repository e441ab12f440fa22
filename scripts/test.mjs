// node scripts/test.mjs [VITEST ARGUMENTS]: all tests of the workspace, then the conformance tests.
//
// Where the system has no WebGPU adapter, a software driver is fetched once. The last line counts the tests.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import "./source-hooks.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Runs Node on `args` and resolves to its exit code; 1 when a signal ended it. */
function runNode(args, environment) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: "inherit",
  });
  // Ctrl-C reaches the child from the terminal; this process only has to outlive it. A `kill` is handed on.
  const ignore = () => {};
  const forward = () => child.kill("SIGTERM");
  process.on("SIGINT", ignore).on("SIGTERM", forward);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      process.off("SIGINT", ignore).off("SIGTERM", forward);
      resolve(code ?? 1);
    });
  });
}

async function gpuEnvironment() {
  const { childEnvironment, NoSoftwareGpuError } = await import("../packages/software-gpu/src/index.ts");
  try {
    return await childEnvironment({ fetch: true, onMessage: console.error });
  } catch (error) {
    if (!NoSoftwareGpuError.is(error)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** `pnpm run test -- --flag` hands over a literal `--`. */
function userArguments() {
  return process.argv.slice(2).filter((argument, index) => index > 0 || argument !== "--");
}

async function runVitest(environment) {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const folder = await mkdtemp(join(tmpdir(), "ds3-test-"));
  const report = join(folder, "vitest.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const code = await runNode([vitest, "run", ...reporters, ...userArguments()], environment);
    return { code, report: existsSync(report) ? JSON.parse(await readFile(report, "utf8")) : undefined };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file that could not be loaded has no tests of its own, but it is a failure. */
function summary({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }) {
  const unloaded = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
  const skipped = numPendingTests + numTodoTests;
  return `${numPassedTests} passed, ${numFailedTests + unloaded} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

const environment = await gpuEnvironment();
const { code, report } = await runVitest(environment);
const conformance = join(root, "scripts/test-conformance.mjs");
const conformanceCode = existsSync(conformance) ? await runNode([conformance], environment) : 0;
console.log(report === undefined ? "0 passed, 1 failed" : summary(report));
process.exitCode = code || conformanceCode;
