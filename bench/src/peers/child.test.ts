import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
const ARGS = ["--import", "tsx", "--conditions=@ds3/source", CHILD];

test("a child ends when its parent's end of standard input closes", async () => {
  const child = spawn(process.execPath, [...ARGS, "tfjs", "wasm", "matmul.nn.512"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  child.stdin!.end();
  expect(await once(child, "exit")).toEqual([1, null]);
});

test("a case that cannot be measured is a message, and the end follows", async () => {
  const child = spawn(process.execPath, [...ARGS, "tfjs", "wasm", "conv2d"], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout!.on("data", (chunk) => {
    output += chunk;
  });
  await once(child, "close");
  const lines = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toEqual([
    { type: "failure", name: "conv2d", reason: expect.stringMatching(/PeerError.*conv2d/) },
    { type: "end" },
  ]);
});
