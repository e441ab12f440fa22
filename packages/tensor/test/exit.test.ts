import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs exit-child.ts; it must end by itself. */
function runChild(mode: string, env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  const script = join(import.meta.dirname, "exit-child.ts");
  const child = spawn(process.execPath, ["--import", "tsx", "-C", "@ds3/source", script, mode], {
    cwd: join(import.meta.dirname, ".."),
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

test.each([
  ["closed", 0, "read 64"],
  ["left open", 0, "read 64"],
  ["nothing read", 0, ""],
  ["pending read", 0, ""],
  ["exit in mid-step", 7, ""],
  ["throw in mid-step", 1, "Error: thrown in mid-step"],
])("a process ends by itself: %s", async (mode, code, printed) => {
  const ended = await runChild(mode);
  expect(ended.output).toContain(printed);
  expect(ended.code, ended.output).toBe(code);
});

test.runIf(process.platform === "linux")(
  "without an adapter the error names the command that fetches one",
  async () => {
    const { LD_LIBRARY_PATH: _libraries, VK_DRIVER_FILES: _drivers, VK_ICD_FILENAMES: _icds, ...bare } = process.env;
    const none = { VK_DRIVER_FILES: "/nonexistent.json", VK_ICD_FILENAMES: "/nonexistent.json" };
    const { code, output } = await runChild("closed", { ...bare, ...none, DS3_SOFTWARE_GPU: "off" });
    expect(output).toMatch(/NoAdapterError: openGpu: adapter: expected a WebGPU adapter, got none/);
    expect(output).toContain("npx @ds3/software-gpu install");
    expect(code).toBe(1);
  },
);
