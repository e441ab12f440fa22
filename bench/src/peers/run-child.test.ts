import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { PeerError } from "./peer-error.ts";
import { runChild } from "./run-child.ts";

const LINE = `console.log(JSON.stringify({ type: "failure", name: "a", reason: String(process.pid) }));`;
const END = `console.log('{"type":"end"}');`;
const FOREVER = "setInterval(() => {}, 1000);";

const run = (script: string, silenceMs = 20_000) => runChild({ args: ["-e", script], label: "some.peer", silenceMs });

async function collect(script: string, silenceMs?: number): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of run(script, silenceMs)) names.push(name);
  return names;
}

async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 200; i++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

test("messages come in order until the end", async () => {
  expect(await collect(LINE + LINE + END)).toEqual(["a", "a"]);
});

test("a child that goes on after its end is not waited for", async () => {
  expect(await collect(LINE + END + FOREVER)).toEqual(["a"]);
});

test("a child that dies is named, with its exit code and last words", async () => {
  const dying = collect(`console.error("out of luck"); process.exitCode = 3;`);
  await expect(dying).rejects.toThrow(PeerError);
  await expect(dying).rejects.toThrow(/some\.peer: .*exited with 3.*out of luck/);
});

test("a child that a signal kills is named", async () => {
  await expect(collect(`process.kill(process.pid, "SIGSEGV"); ${FOREVER}`)).rejects.toThrow(/died of SIGSEGV/);
});

test("an exit without an end is a failure, even with code 0", async () => {
  await expect(collect(LINE)).rejects.toThrow(/exited with 0/);
});

test("garbage on standard output is a failure", async () => {
  await expect(collect(`console.log("Hi there"); ${END}`)).rejects.toThrow(/Hi there/);
});

test("a child that hangs is killed", async () => {
  let pid = 0;
  const hang = async (): Promise<void> => {
    for await (const message of run(LINE + FOREVER, 1500)) pid = Number("reason" in message && message.reason);
  };
  await expect(hang()).rejects.toThrow(/silent for 1\.5 s/);
  expect(await gone(pid)).toBe(true);
});

test("a consumer that stops early leaves no child", async () => {
  let pid = 0;
  for await (const message of run(LINE + FOREVER)) {
    pid = Number("reason" in message && message.reason);
    break;
  }
  expect(pid).toBeGreaterThan(0);
  expect(await gone(pid)).toBe(true);
});

test.each(["SIGTERM", "SIGINT"] as const)("%s to the parent leaves no child", async (signal) => {
  const module = fileURLToPath(new URL("./run-child.ts", import.meta.url));
  const script = `
    import { runChild } from ${JSON.stringify(module)};
    const options = { args: ["-e", ${JSON.stringify(LINE + FOREVER)}], label: "x", silenceMs: 60000 };
    for await (const { reason } of runChild(options)) console.log(reason);
  `;
  const args = ["--import", "tsx", "--conditions=@ds3/source", "--input-type=module", "-e", script];
  const parent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [pid] = await once(parent.stdout, "data");
  parent.kill(signal);
  const [code, endedBy] = await once(parent, "exit");
  expect([code, endedBy]).toEqual([null, signal]);
  expect(await gone(Number(pid))).toBe(true);
});
