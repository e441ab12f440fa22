import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, OutOfRangeError, StateError } from "@ds3/errors";
import { expect, test } from "vitest";
import { collect, testFolder, toParquet } from "../../test/reader-files.ts";
import { EmptyDataError } from "../empty-data-error.ts";
import { type ReadOptions, readDocuments } from "../read-documents.ts";
import { readRecords } from "../read-records.ts";
import { DiskFullError, DiskWriteError } from "../shards/shard-errors.ts";
import { createRejectsFile } from "./create-rejects-file.ts";
import type { Reject } from "./reject.ts";

const { folder, file } = await testFolder();

interface Outcome {
  readonly documents: [string, string][];
  readonly rejects: Reject[];
}

/** Texts with the ends of their sources, and rejects, of one file. */
async function read(path: string, options: ReadOptions = {}): Promise<Outcome> {
  const rejects: Reject[] = [];
  const documents = await collect(readDocuments(path, { ...options, onReject: (reject) => rejects.push(reject) }));
  return { documents: documents.map(({ text, source }) => [text, source.slice(path.length)]), rejects };
}

const places = ({ rejects }: Outcome): [number, string][] => rejects.map(({ line, text }) => [line, text]);

test("JSON Lines: what is no document is kept aside with its line, the rest is read", async () => {
  const lines = [
    '{"text":"a"}',
    "{torn",
    "",
    "[1]",
    '{"text":5}',
    '{"other":1}',
    '{"text":"b"}',
    "null",
    '{"text":"c"',
  ];
  const path = await file("mixed.jsonl", lines.join("\r\n"));
  for (const chunkBytes of [1, 10, 1 << 18]) {
    const outcome = await read(path, { chunkBytes });
    expect(outcome.documents).toEqual([
      ["a", ":1"],
      ["b", ":7"],
    ]);
    expect(outcome.rejects.map(({ line }) => line)).toEqual([2, 4, 5, 6, 8, 9]);
    expect(outcome.rejects.map(({ text }) => text.trim())).toEqual([2, 4, 5, 6, 8, 9].map((line) => lines[line - 1]));
    expect(outcome.rejects.map(({ reason }) => reason)).toEqual([
      "expected a JSON object on one line, got {torn",
      "expected a JSON object on one line, got [1]",
      'expected a string under "text", got 5',
      'expected the key "text", got other',
      "expected a JSON object on one line, got null",
      'expected a JSON object on one line, got {"text":"c"',
    ]);
    expect(outcome.rejects.every((reject) => reject.file === path)).toBe(true);
  }
});

test("CSV: a record with other fields is rejected whole, behind it all lines count", async () => {
  const content = 'id,text\n1,"a\nb"\n2,"c\nd",x\n3\n4,e\n,,,\n5,"f"\n';
  for (const chunkBytes of [1, 4, 1 << 18]) {
    const outcome = await read(await file("ragged.csv", content), { chunkBytes });
    expect(outcome.documents).toEqual([
      ["a\nb", ":2"],
      ["e", ":7"],
      ["f", ":9"],
    ]);
    expect(places(outcome)).toEqual([
      [4, '2,"c\nd",x\n'],
      [6, "3\n"],
      [8, ",,,\n"],
    ]);
    expect(outcome.rejects[0]!.reason).toBe('expected 2 fields, as the header has, got 3 in 2,"c\nd",x');
  }
});

test("CSV: where quotes are wrong one line is rejected and the next one is read", async () => {
  const content = 'id,text\n1,"never closed\n2,"b"\n3,c "quoted"\n4,"d" tail\n5,e\n6,"open at the end\n7,still\n';
  for (const chunkBytes of [1, 6, 1 << 18]) {
    const outcome = await read(await file("quotes.csv", content), { chunkBytes });
    expect(outcome.documents).toEqual([
      ["b", ":3"],
      ["e", ":6"],
      ["still", ":8"],
    ]);
    expect(places(outcome)).toEqual([
      [2, '1,"never closed\n'],
      [4, '3,c "quoted"\n'],
      [5, '4,"d" tail\n'],
      [7, '6,"open at the end\n'],
    ]);
    expect(outcome.rejects[3]!.reason).toContain("a record with every quote closed");
  }
});

test("CSV: a quote that is not closed within the longest record costs its line, not the file", async () => {
  const rows = Array.from({ length: 200 }, (_, index) => `${index},text ${index}\n`);
  const content = `id,text\nx,"open\n${rows.join("")}`;
  const outcome = await read(await file("open.csv", content), { chunkBytes: 100, maxRecordBytes: 1000 });
  expect(outcome.documents.length).toBe(200);
  expect(places(outcome)).toEqual([[2, 'x,"open\n']]);
});

test.each([100, 1 << 18])(
  "a line longer than the longest record is kept aside with its line, %d bytes at a time",
  async (chunkBytes) => {
    const long = "中".repeat(2000);
    const jsonl = `{"text":"a"}\n{"text":"${long}"}\n{"text":"b"}\n`;
    const csv = `id,text\n1,a\n2,${long}\n3,"b\nc"\n4,"open\n5,${long}\n6,d\n`;
    const limits = { chunkBytes, maxRecordBytes: 1000 };
    for (const encoding of ["utf-8", "utf-16le"]) {
      const bytes = (text: string): Buffer =>
        encoding === "utf-16le" ? Buffer.from(text, "utf16le") : Buffer.from(text);
      const lines = await read(await file("long.jsonl", bytes(jsonl)), { ...limits, encoding });
      expect(lines.documents).toEqual([
        ["a", ":1"],
        ["b", ":3"],
      ]);
      expect(lines.rejects.map(({ line }) => line)).toEqual([2]);
      expect(lines.rejects[0]!.reason).toMatch(
        /a record of at most 1000 bytes, got \d{4} bytes, of which the first are here/,
      );
      expect(`{"text":"${long}"}`.startsWith(lines.rejects[0]!.text)).toBe(true);
      const rows = await read(await file("long.csv", bytes(csv)), { ...limits, encoding });
      expect(rows.documents).toEqual([
        ["a", ":2"],
        ["b\nc", ":4"],
        ["d", ":8"],
      ]);
      expect(rows.rejects.map(({ line }) => line)).toEqual([3, 6, 7]);
    }
    const path = await file("long.jsonl", jsonl);
    const failing = collect(readDocuments(path, limits));
    await expect(failing).rejects.toThrow(`${path}:2: expected a record of at most 1000 bytes, got 6012 bytes`);
    await expect(failing).rejects.toThrow("raise { maxRecordBytes }");
    expect((await read(path, { chunkBytes, maxRecordBytes: 6011 })).rejects).toEqual([]);
    const last = await read(await file("last.jsonl", `{"text":"a"}\n${"x".repeat(3000)}`), limits);
    expect(last.rejects.map(({ line }) => line)).toEqual([2]);
  },
);

test("a column that is there twice is no choice of one", async () => {
  const path = await file("twice.csv", "text,id,text\na,1,b\n");
  const error = collect(readDocuments(path));
  await expect(error).rejects.toThrow(`${path}:1: expected one column "text", got several, columns 1 and 3`);
  await expect(error).rejects.toThrow(ConfigError);
  expect((await read(path, { column: "id" })).documents).toEqual([["1", ":2"]]);
  await expect(read(path, { column: "id", metaKeys: ["text"] })).rejects.toThrow('one column "text"');
});

const BAD = Buffer.from([0xe4, 0xb8]);
const join3 = (before: string, after: string): Buffer => Buffer.concat([Buffer.from(before), BAD, Buffer.from(after)]);

test("bytes that are no text are kept aside whole, in every format", async () => {
  const jsonl = await read(await file("bad.jsonl", join3('{"text":"a"}\n{"text":"', '"}\n{"text":"b"}\n')));
  expect(jsonl.documents.map(([text]) => text)).toEqual(["a", "b"]);
  expect(jsonl.rejects).toMatchObject([{ line: 2, text: '{"text":"\uFFFD"}' }]);
  expect(Buffer.from(jsonl.rejects[0]!.base64!, "base64")).toEqual(join3('{"text":"', '"}'));
  const badCsv = await file("bad.csv", join3('text\na\n"b\n', '"\nc\n'));
  const csv = await read(badCsv);
  for (const chunkBytes of [1, 3, 9]) expect(await read(badCsv, { chunkBytes })).toEqual(csv);
  expect(csv.documents.map(([text]) => text)).toEqual(["a", "c"]);
  expect(csv.rejects).toMatchObject([{ line: 3, text: '"b\n\uFFFD"\n' }]);
  expect(csv.rejects[0]!.reason).toBe("expected text in utf-8, got the bytes e4 b8 22 0a at byte 10");
  const text = await read(await file("bad.txt", join3("one\n|\ntwo\n", "|three")), { separator: "|" });
  expect(text.documents).toEqual([
    ["one\n", "#1"],
    ["three", "#3"],
  ]);
  expect(text.rejects).toMatchObject([{ line: 2, text: "\ntwo\n\uFFFD" }]);
  const parquet = toParquet(["a", "zz", "c", null], { codec: "UNCOMPRESSED" });
  const rows = await read(
    await file("bad.parquet", Buffer.from(parquet).fill(BAD, parquet.indexOf(0x7a), parquet.indexOf(0x7a) + 2)),
  );
  expect(rows.documents.map(([found, source]) => [found, source])).toEqual([
    ["a", ":1"],
    ["c", ":3"],
  ]);
  expect(rows.rejects).toMatchObject([
    { line: 2, base64: BAD.toString("base64") },
    { line: 4, text: '{"text":null}' },
  ]);
});

test("without a taker of rejects each of them is an error with file and line", async () => {
  const parquet = await file("null.parquet", toParquet(["a", null]));
  await expect(collect(readDocuments(parquet))).rejects.toThrow(
    `${parquet}:2: expected a string under "text", got null`,
  );
  await expect(collect(readDocuments(parquet, { column: "txt" }))).rejects.toThrow(
    /a column "txt".*Did you mean "text"/,
  );
  await expect(collect(readDocuments(parquet, { column: "txt" }))).rejects.toThrow(ConfigError);
  const csv = await file("junk.csv", 'text\n"a"b\n');
  await expect(collect(readDocuments(csv))).rejects.toThrow(`${csv}:2: expected quotes around whole fields`);
});

test("when nothing can be read the error says how much was rejected, and why", async () => {
  const path = await file("none.jsonl", '{"body":"a"}\n{"body":"b"}\n');
  await expect(read(path)).rejects.toThrow(EmptyDataError);
  await expect(read(path)).rejects.toThrow(`none, and 2 rejected, first ${path}:1: expected the key "text", got body`);
});

test("records have rejects, too", async () => {
  const path = await file("records.jsonl", "1\n{\n2\n");
  const rejects: Reject[] = [];
  const records = await collect(readRecords(path, { onReject: (reject) => rejects.push(reject) }));
  expect(records.map(({ value }) => value)).toEqual([1, 2]);
  expect(rejects).toEqual([{ file: path, line: 2, reason: "expected JSON on one line, got {", text: "{" }]);
});

test("a rejects file holds each reject on a line, goes on where it was, behind a torn line too", async () => {
  const path = join(folder, "rejects.jsonl");
  await writeFile(path, '{"file":"earlier"}\n{"file":"to');
  const source = await file("again.jsonl", '{"text":"a"}\nnot\u2028json\n{"text":7}\n');
  using rejects = createRejectsFile(path);
  await collect(readDocuments(source, { onReject: rejects.add }));
  expect(rejects.count).toBe(2);
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n"); // all there before it is closed
  expect(lines.slice(0, 2)).toEqual(['{"file":"earlier"}', '{"file":"to']);
  expect(lines.slice(2).map((line) => JSON.parse(line))).toEqual([
    { file: source, line: 2, reason: expect.stringContaining("not\u2028json"), text: "not\u2028json" },
    { file: source, line: 3, reason: expect.stringContaining("got 7"), text: '{"text":7}' },
  ]);
  rejects.close();
  rejects.close();
  expect(() => rejects.add({ file: "", line: 1, reason: "", text: "" })).toThrow(StateError);
  expect(() => createRejectsFile(join(folder, "no", "folder.jsonl"))).toThrow(DiskWriteError);
});

test("a full disk ends the reading with an error that says so", async () => {
  const { access } = await import("node:fs/promises");
  const hasFull = await access("/dev/full").then(
    () => true,
    () => false,
  );
  if (!hasFull) return; // the device that is always full is Linux's
  const rejects = createRejectsFile("/dev/full");
  const source = await file("full.jsonl", '{"text":"a"}\nx\n');
  await expect(collect(readDocuments(source, { onReject: rejects.add }))).rejects.toThrow(DiskFullError);
});

test("options that cannot be are named", async () => {
  const path = await file("fine.jsonl", '{"text":"a"}');
  await expect(collect(readDocuments(path, { chunkBytes: 0 }))).rejects.toThrow(OutOfRangeError);
  await expect(collect(readDocuments(path, { maxRecordBytes: 2 ** 30 }))).rejects.toThrow(OutOfRangeError);
  await expect(collect(readDocuments(path, { encoding: "utf-9" }))).rejects.toThrow(/encoding: .* got utf-9/);
});

test("paths that are none, misspelled options and values of another kind are named", async () => {
  const path = await file("fine.jsonl", '{"text":"a"}');
  for (const paths of [undefined, null, 5, "", [path, undefined], {}]) {
    for (const reader of [readDocuments, readRecords]) {
      const reading = collect<unknown>(reader(paths as never));
      await expect(reading).rejects.toThrow(ConfigError);
      await expect(reading).rejects.toThrow("paths: expected a path or a list of paths");
    }
  }
  const wrong: [object, string][] = [
    [{ quotes: "no" }, 'quotes: expected true or false, got "no"'],
    [{ separator: "" }, 'separator: expected a text that is not empty, got ""'],
    [{ replaceInvalid: 1 }, "replaceInvalid: expected true or false"],
    [{ onReject: [] }, "onReject: expected a function"],
    [{ metaKeys: "id" }, "metaKeys: expected a list of texts"],
    [{ textkey: "body" }, '"textkey". Did you mean "textKey"?'],
  ];
  for (const [options, message] of wrong) {
    const reading = collect(readDocuments(path, options));
    await expect(reading).rejects.toThrow(ConfigError);
    await expect(reading).rejects.toThrow(message);
  }
  await expect(collect(readRecords(path, { maxrecordbytes: 5 } as never))).rejects.toThrow('"maxRecordBytes"');
  expect(await collect(readDocuments(path, { quotes: undefined as never }))).toHaveLength(1);
});
