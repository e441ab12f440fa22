import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { FormatError } from "@ds3/errors";
import { beforeAll, expect, test } from "vitest";
import { collect, testFolder } from "../../test/reader-files.ts";
import { readDocuments } from "../read-documents.ts";
import { readRecords } from "../read-records.ts";
import { expandPaths } from "./expand-paths.ts";

const { folder, file } = await testFolder();
const EXTENSIONS = [".txt", ".jsonl"];

beforeAll(async () => {
  await mkdir(join(folder, "tree", "b", "deep"), { recursive: true });
  await mkdir(join(folder, "none"));
  for (const name of [
    "a.txt",
    "B.jsonl.gz",
    "b.txt",
    "b/c.jsonl",
    "b/deep/d.TXT",
    "b/skip.bin",
    "b-side.txt",
    "[x].txt",
  ]) {
    await file(join("tree", name), name);
  }
});

const inTree = (...names: string[]): string[] => names.map((name) => join(folder, "tree", name));
const expand = (...paths: string[]): Promise<string[]> => expandPaths(paths, EXTENSIONS, "readDocuments");

test("a folder is its files of known formats at any depth, in the order of their names", async () => {
  const all = inTree("B.jsonl.gz", "[x].txt", "a.txt", "b/c.jsonl", "b/deep/d.TXT", "b-side.txt", "b.txt");
  expect(await expand(join(folder, "tree"))).toEqual(all);
  expect(await expand(`${join(folder, "tree")}/`)).toEqual(all);
});

test("a pattern is the files that it matches, a file with a pattern's marks in its name is itself", async () => {
  expect(await expand(`${folder}/tree/*.txt`)).toEqual(inTree("[x].txt", "a.txt", "b-side.txt", "b.txt"));
  expect(await expand(`${folder}/tree/**/*.{jsonl,bin}`)).toEqual(inTree("b/c.jsonl", "b/skip.bin"));
  expect(await expand(join(folder, "tree", "[x].txt"))).toEqual(inTree("[x].txt"));
});

test("a file comes once, where it was named first; relative names stay relative", async () => {
  const [a] = inTree("a.txt");
  expect((await expand(a!, `${folder}/tree/a*`, a!, join(folder, "tree"))).filter((path) => path === a)).toEqual([a]);
  expect((await expand(inTree("b.txt")[0]!, join(folder, "tree")))[0]).toBe(inTree("b.txt")[0]);
  const here = relative(process.cwd(), folder);
  expect(await expand(`${here}/tree/a.*`)).toEqual([join(here, "tree", "a.txt")]);
});

test("nothing found is an error that names the pattern or folder", async () => {
  await expect(expand(`${folder}/tree/*.csv`)).rejects.toThrow(FormatError);
  await expect(expand(`${folder}/tree/*.csv`)).rejects.toThrow(
    "tree/*.csv: expected a pattern that matches files, got none",
  );
  await expect(expand(join(folder, "none"))).rejects.toThrow(/none: expected files of a known format \(.txt, .jsonl\)/);
  expect(await expand("no-such.txt")).toEqual(["no-such.txt"]); // reading it says so
});

test("documents and records come from folders and patterns", async () => {
  await mkdir(join(folder, "mixed"));
  await file("mixed/1.jsonl", '{"text":"one"}');
  await file("mixed/2.txt", "two");
  await file("mixed/3.json", "[3]");
  const texts = async (path: string, format?: "text"): Promise<string[]> =>
    (await collect(readDocuments(path, format ? { format } : {}))).map(({ text }) => text);
  expect(await texts(join(folder, "mixed"))).toEqual(["one", "two"]);
  expect(await texts(join(folder, "mixed"), "text")).toEqual(["two"]);
  expect(await texts(`${folder}/mixed/*.{jsonl,txt}`)).toEqual(["one", "two"]);
  expect((await collect(readRecords(join(folder, "mixed")))).map(({ value }) => value)).toEqual([{ text: "one" }, 3]);
});
