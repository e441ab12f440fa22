import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { open } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@ds3/testing";
import { expect, test, vi } from "vitest";
import { writeFileWhole } from "./write-file-whole.ts";

/** Called with the path of each file that is opened; a test lets it throw. */
const hooks = vi.hoisted(() => ({ beforeOpen: (_path: string): void => {} }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const hooked: typeof open = async (path, ...rest) => {
    hooks.beforeOpen(String(path));
    return real.open(path, ...rest);
  };
  return { ...real, open: hooked };
});

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("a new file, and one in place of another, with nothing beside it", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "state.bin");
  for (const data of [bytes(1, 2, 3), bytes(4), new Uint8Array(0)]) {
    await writeFileWhole(path, data);
    expect([...readFileSync(path)]).toEqual([...data]);
    expect(readdirSync(folder)).toEqual(["state.bin"]);
  }
});

test("it is written under another name, and then the folder is synced", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "state.bin");
  writeFileSync(path, "old");
  const opened: string[] = [];
  hooks.beforeOpen = (name) => {
    opened.push(name);
    expect(readFileSync(path, "utf8")).toBe(opened.length === 1 ? "old" : "\x07");
  };
  await writeFileWhole(path, bytes(7)).finally(() => {
    hooks.beforeOpen = () => {};
  });
  const names = [expect.stringMatching(/state\.bin\.\d+\.tmp$/)];
  expect(opened).toEqual(process.platform === "win32" ? names : [...names, folder]);
});

test("a failure leaves what was there, and no half file", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "taken", "inner"), { recursive: true });
  await expect(writeFileWhole(join(folder, "taken"), bytes(1))).rejects.toThrow(/rename/);
  expect(readdirSync(folder)).toEqual(["taken"]);
  await expect(writeFileWhole(join(folder, "missing", "state.bin"), bytes(1))).rejects.toThrow(/ENOENT/);
});
