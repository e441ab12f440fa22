import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { readDocuments } from "@ds3/data/node";
import { temporaryFolder } from "@ds3/testing";
import { create } from "tar";
import { expect, test } from "vitest";
import { readBuildFile } from "../build-file.ts";
import { demoPackages } from "../demo/demo-packages.ts";
import { Terminal } from "../terminal.ts";
import { writeDemo } from "./data-demo.ts";

test("the demo's texts become a file for each package, and a build file that is good", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "package"));
  writeFileSync(join(folder, "package", "package.json"), JSON.stringify({ name: "local-texts", version: "1.0.0" }));
  for (const name of ["a", "b"]) writeFileSync(join(folder, "package", `${name}.txt`), `text ${name}\nof two lines`);
  const file = join(folder, "local-texts.tgz");
  await create({ gzip: true, file, cwd: folder, portable: true }, ["package"]);
  const bytes = readFileSync(file);
  const local = {
    name: "local-texts",
    label: "local",
    language: "code",
    version: `file:${file}`,
    integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
    bytes: bytes.length,
    licence: "none",
    origin: "this test",
    holds: (path: string) => path.endsWith(".txt"),
    read: (files: ReadonlyMap<string, string>) => [...files.keys()].sort().map((path) => files.get(path)!),
  };
  const terminal = new Terminal(
    { stdout: new PassThrough(), stderr: new PassThrough(), stdin: new PassThrough() },
    true,
  );
  const demo = await writeDemo(join(folder, "demo"), terminal, { cache: join(folder, "cache"), packages: [local] });
  const path = join(folder, "demo", "texts", "local.jsonl");
  const given = { name: "local", path, documents: 2, bytes: 38, origin: "this test", licence: "none" };
  expect(demo).toEqual({ config: join(folder, "demo", "build.json"), files: [given] });
  const texts: string[] = [];
  for await (const { text } of readDocuments(path)) texts.push(text);
  expect(texts).toEqual(["text a\nof two lines", "text b\nof two lines"]);
  const config = await readBuildFile(demo.config, []);
  expect(config.sources).toEqual([{ name: "local", paths: path, language: "code" }]);
});

test("the demo's sources have names that differ", () => {
  expect(new Set(demoPackages.map(({ label }) => label)).size).toBe(demoPackages.length);
});
