import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { aptConfig, writeAptRoot } from "./apt-config.ts";

const folder = await mkdtemp(join(tmpdir(), "ds3-apt-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

test("state, cache and sources are private, and verification is left to apt", () => {
  const config = aptConfig("/cache/work");
  expect(config).toContain('Dir::State::status "/cache/work/state/status";');
  expect(config).toContain('Dir::Etc::sourceparts "/dev/null";');
  expect(config).not.toMatch(/trusted|AllowInsecure|AllowUnauthenticated|AllowDowngrade/i);
});

test("the root has the source lines and no installed package", async () => {
  await writeAptRoot(folder, { lines: ["deb http://mirror.example a main"], preferredSuite: undefined });
  expect(await readFile(join(folder, "sources.list"), "utf8")).toBe("deb http://mirror.example a main\n");
  expect(await readFile(join(folder, "state/status"), "utf8")).toBe("");
});
