import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FormatError } from "@ds3/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmptyDataError } from "./empty-data-error.ts";
import { type ReadOptions, readDocuments } from "./read-documents.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-data-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function texts(paths: string | string[], options?: ReadOptions): Promise<string[]> {
  const found: string[] = [];
  for await (const { text } of readDocuments(paths, options)) found.push(text);
  return found;
}

test("a text file is a document, as it stands but for the byte order mark", async () => {
  const path = await file("a.txt", "\uFEFFline\r\n中文 😀\n");
  expect(await texts(path)).toEqual(["line\r\n中文 😀\n"]);
  expect(await texts([path, await file("b.md", "# b")])).toEqual(["line\r\n中文 😀\n", "# b"]);
});

test("a separator cuts a text file, blank parts are left out, sources are numbered", async () => {
  const path = await file("parts.txt", "one\n\ntwo\n\n \n\nthree");
  const documents = [];
  for await (const document of readDocuments(path, { separator: "\n\n" })) documents.push(document);
  expect(documents.map(({ text }) => text)).toEqual(["one", "two", "three"]);
  expect(documents[2]!.source).toBe(`${path}#4`);
});

test("JSON lines: any line end, blank lines, U+2028 inside a string, a line over many chunks", async () => {
  const long = "長い".repeat(600_000);
  const lines = [{ text: "a\nb" }, { text: "x\u2028y" }, { text: long }, { text: "end" }].map((row) =>
    JSON.stringify(row),
  );
  const path = await file("rows.jsonl", `\uFEFF${lines[0]}\r\n\r\n${lines[1]}\n${lines[2]}\n${lines[3]}`);
  expect(await texts(path)).toEqual(["a\nb", "x\u2028y", long, "end"]);
  expect(await texts(await file("keyed.jsonl", '{"body":"b","text":"t"}'), { textKey: "body" })).toEqual(["b"]);
});

test("CSV: quoted fields with line breaks, quotes and commas, any line end, a byte order mark", async () => {
  const path = await file(
    "rows.csv",
    '\uFEFFid,text\r\n1,"two\r\nlines, and ""quotes"""\r\n\r\n2,中文\r\n3,\r\n4,last',
  );
  const documents = [];
  for await (const document of readDocuments(path)) documents.push(document);
  expect(documents.map(({ text }) => text)).toEqual(['two\r\nlines, and "quotes"', "中文", "last"]);
  expect(documents[0]!.source).toBe(`${path}:2`);
  expect(await texts(path, { column: "id" })).toEqual(["1", "2", "3", "4"]);
  expect(await texts(await file("rows.tsv", "text\tn\na, b\t1\n"))).toEqual(["a, b"]);
});

test("a format may be named against the extension", async () => {
  expect(await texts(await file("data.log", "plain"), { format: "text" })).toEqual(["plain"]);
  expect(await texts(await file("more.txt", '{"text":"t"}'), { format: "jsonl" })).toEqual(["t"]);
});

test("a missing column or key is answered with what is there", async () => {
  const csv = await file("wrong.csv", "id,texts\n1,a\n");
  await expect(texts(csv)).rejects.toThrow(ConfigError);
  await expect(texts(csv)).rejects.toThrow(`${csv}:1: expected a column "text", got id, texts. Did you mean "texts"?`);
  const jsonl = await file("wrong.jsonl", '{"text":"a"}\n{"test":"b"}\n');
  await expect(texts(jsonl)).rejects.toThrow(`${jsonl}:2: expected the key "text", got test. Did you mean "test"?`);
});

test("damaged files are named with their line", async () => {
  const json = await file("torn.jsonl", '{"text":"a"}\n{"text":"b');
  await expect(texts(json)).rejects.toThrow(FormatError);
  await expect(texts(json)).rejects.toThrow(`${json}:2: expected a JSON object on one line, got {"text":"b.`);
  await expect(texts(await file("list.jsonl", "[1]"))).rejects.toThrow(/got \[1\]/);
  await expect(texts(await file("number.jsonl", '{"text":5}'))).rejects.toThrow(/a string under "text", got 5/);
  const ragged = await file("ragged.csv", "id,text\n1,a\n2,b,c\n");
  await expect(texts(ragged)).rejects.toThrow(FormatError);
  await expect(texts(ragged)).rejects.toThrow(`${ragged}:3`);
  await expect(texts(await file("quote.csv", 'id,text\n1,"never ends\n'))).rejects.toThrow(/every quote closed/);
});

test("no file, no format, no document: each has its error", async () => {
  for (const name of ["none.txt", "none.csv", "none.jsonl"]) {
    await expect(texts(join(folder, name))).rejects.toThrow(/expected a readable file, got no such file/);
  }
  await expect(texts(await file("data.bin", "x"))).rejects.toThrow(/an extension of .txt, .md.*got .bin/);
  const misspelt = { format: "jsonll" } as unknown as ReadOptions;
  await expect(texts(join(folder, "none.txt"), misspelt)).rejects.toThrow(/Did you mean "jsonl"/);
  for (const [name, content] of [
    ["blank.txt", " \n"],
    ["blank.csv", ""],
    ["header.csv", "text\n"],
    ["blank.jsonl", "\n"],
  ]) {
    await expect(texts(await file(name!, content!))).rejects.toThrow(EmptyDataError);
  }
  await expect(texts([])).rejects.toThrow(EmptyDataError);
});

test("bytes that are no UTF-8 are named with their place, or become U+FFFD when asked for", async () => {
  const bad = (before: string, after: string): Uint8Array =>
    Buffer.concat([Buffer.from(before), Buffer.from([0xe4, 0xb8]), Buffer.from(after)]);
  const cases: [string, Uint8Array, string][] = [
    ["bad.txt", bad("a\na", "b"), "2: expected text in utf-8, got the bytes e4 b8 62 at byte 3"],
    [
      "bad.jsonl",
      bad('{"text":"ok"}\n{"text":"a', 'b"}'),
      "2: expected text in utf-8, got the bytes e4 b8 62 22 at byte 24",
    ],
    ["bad.csv", bad("text\nok\na", "b\n"), "3: expected text in utf-8, got the bytes e4 b8 62 0a at byte 9"],
  ];
  for (const [name, content, message] of cases) {
    const path = await file(name, content);
    await expect(texts(path)).rejects.toThrow(FormatError);
    await expect(texts(path)).rejects.toThrow(`${path}:${message}`);
    expect((await texts(path, { replaceInvalid: true })).at(-1)).toMatch(/a\uFFFDb$/);
  }
});

test("a path that is not there says so, whatever its name", async () => {
  for (const path of [join(folder, "nothere"), join(folder, "nothere.txt")]) {
    const failure = await texts(path).catch((error: unknown) => error);
    expect(FormatError.is(failure)).toBe(true);
    expect((failure as Error).message).toContain(`${path}: expected a readable file, got no such file`);
  }
});
