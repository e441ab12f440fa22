import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { aptConfig, writeAptRoot } from "./apt-config.ts";

const folder = await mkdtemp(join(tmpdir(), "ds3-apt-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

test("state, cache and sources are private", () => {
  const config = aptConfig("/cache/work");
  expect(config).toContain('Dir::State::status "/cache/work/state/status";');
  expect(config).toContain('Dir::Etc::sourceparts "/dev/null";');
});

test("the root has the source lines and no installed package", async () => {
  await writeAptRoot(folder, { lines: ["deb http://mirror.example a main"], preferredSuite: undefined });
  expect(await readFile(join(folder, "sources.list"), "utf8")).toBe("deb http://mirror.example a main\n");
  expect(await readFile(join(folder, "state/status"), "utf8")).toBe("");
});

const DOWNGRADE = "Acquire::AllowDowngradeToInsecureRepositories";

test("packages without a valid signature are refused, whatever the system allows", () => {
  const config = aptConfig("/cache/work");
  for (const key of ["APT::Get::AllowUnauthenticated", "Acquire::AllowInsecureRepositories", DOWNGRADE]) {
    expect(config).toContain(`${key} "false";`);
  }
  expect(config).not.toMatch(/trusted|"(true|1|yes)"/i);
});
