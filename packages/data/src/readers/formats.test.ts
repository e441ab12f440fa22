import { readdir } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { FormatError } from "@ds3/errors";
import { compressors } from "hyparquet-compressors";
import { expect, test } from "vitest";
import {
  COMPRESSIONS,
  collect,
  inEveryFormat,
  testFolder,
  toCsv,
  toParquet,
  zstdStored,
} from "../../test/reader-files.ts";
import { createRandom } from "../random.ts";
import { type ReadOptions, readDocumentBatches, readDocuments } from "../read-documents.ts";
import { readRecords } from "../read-records.ts";

const { file } = await testFolder();
const SEPARATOR = "<|end|>";

const textsOf = async (path: string, options: ReadOptions = {}): Promise<string[]> =>
  (await collect(readDocuments(path, { separator: SEPARATOR, ...options }))).map(({ text }) => text);

const TEXTS = [
  "plain",
  'quotes " and "" and ,\t;',
  "lines\nof\r\nmany\rkinds\u2028here",
  "中文，日本語 😀é",
  " \u00a0x\\n\\",
  "last",
];

test("every format, plain or compressed, gives the texts that were written, unchanged", async () => {
  for (const [extension, bytes] of Object.entries(inEveryFormat(TEXTS))) {
    for (const [added, compress] of Object.entries(COMPRESSIONS)) {
      if (extension === ".parquet" && added !== "") continue; // compressed inside
      const path = await file(`every${extension}${added}`, compress(bytes));
      expect(await textsOf(path), path).toEqual(TEXTS);
    }
  }
});

test("compression is told by the first bytes, and several members or frames are one file", async () => {
  const [first, second] = [Buffer.from('{"text":"a"}\n{"text":'), Buffer.from('"b"}\n')];
  expect(await textsOf(await file("plain-name.jsonl", gzipSync(Buffer.concat([first, second]))))).toEqual(["a", "b"]);
  const members = Buffer.concat([gzipSync(first), gzipSync(second)]);
  expect(await textsOf(await file("members.jsonl.gz", members))).toEqual(["a", "b"]);
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);
  const frames = Buffer.concat([skippable, zstdStored(first, 5), zstdStored(second)]);
  expect(await textsOf(await file("frames.jsonl.zst", frames))).toEqual(["a", "b"]);
  // What the zstd program makes at level 19, with a checksum.
  const zstd = "KLUv/QRojQEA8oIJDtDn9EhoKFE7DQA48LRiVGAFy68v6S5i1Pz7GIJVXzZg80eE+jICAEc5mAZUZYJwHss=";
  const line = "the second of the compressed lines";
  expect(await textsOf(await file("real.txt.zst", Buffer.from(zstd, "base64")))).toEqual([
    `the first of the compressed lines\n${line}, ${line}\n`,
  ]);
});

/** Texts with everything that readers look at, some of them long. */
function randomTexts(seed: number): string[] {
  const random = createRandom({ seed });
  const units = [
    '"',
    '""',
    ",",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "a",
    "bc",
    " ",
    "中",
    "😀",
    "é",
    "\u2028",
    "<|",
    "|>",
    "\\",
    "{}",
  ];
  return Array.from({ length: 1 + random.below(12) }, () => {
    const length = random.below(4) === 0 ? 200 : 12;
    return `x${Array.from({ length: random.below(length) }, () => units[random.below(units.length)]).join("")}`;
  });
}

test("the same documents whatever the size of the chunks", async () => {
  for (let seed = 0; seed < 8; seed++) {
    const texts = randomTexts(seed);
    for (const [extension, bytes] of Object.entries(inEveryFormat(texts))) {
      const path = await file(`chunks${extension}`, bytes);
      const whole = await collect(readDocuments(path, { separator: SEPARATOR }));
      expect(
        whole.map(({ text }) => text),
        `${path} seed ${seed}`,
      ).toEqual(texts);
      for (const chunkBytes of [1, 2, 3, 5 + seed, 64 + 7 * seed]) {
        const cut = await collect(readDocuments(path, { separator: SEPARATOR, chunkBytes }));
        expect(cut, `${path} seed ${seed} chunks of ${chunkBytes}`).toEqual(whole);
      }
    }
  }
});

test("a byte order mark is dropped from every format of text, and only at the beginning", async () => {
  for (const extension of [".txt", ".jsonl", ".csv"]) {
    const bytes = Buffer.concat([Buffer.from("\uFEFF"), inEveryFormat(["\uFEFFa", "b"])[extension]!]);
    const path = await file(`mark${extension}`, bytes);
    for (const chunkBytes of [1, 2, 1000]) expect(await textsOf(path, { chunkBytes }), path).toEqual(["\uFEFFa", "b"]);
  }
});

test("compressed files and other encodings are the same in chunks of any size", async () => {
  const texts = randomTexts(99);
  const bytes = inEveryFormat(texts)[".csv"]!;
  for (const chunkBytes of [1, 7, 100]) {
    for (const [added, compress] of Object.entries(COMPRESSIONS)) {
      expect(await textsOf(await file(`cut.csv${added}`, compress(bytes)), { chunkBytes })).toEqual(texts);
    }
    const wide = await file("wide.csv", Buffer.from(`\uFEFF${Buffer.from(bytes).toString()}`, "utf16le"));
    expect(await textsOf(wide, { chunkBytes, encoding: "utf-16le" })).toEqual(texts);
    const big = await file("big.csv", Buffer.from(Buffer.from(bytes).toString(), "utf16le").swap16());
    expect(await textsOf(big, { chunkBytes, encoding: "utf-16be" })).toEqual(texts);
  }
});

test("fields and lines longer than many chunks are read in time that grows with their length", async () => {
  const long = 'many "words"\n'.repeat(200_000); // 2.6 MB in chunks of 256 bytes: looking at all of it each time is 15 GB
  for (const [extension, bytes] of Object.entries(inEveryFormat([long, "short"]))) {
    const path = await file(`long${extension}`, bytes);
    const start = process.cpuUsage();
    expect(
      (await textsOf(path, { chunkBytes: 256 })).map((text) => text.length),
      extension,
    ).toEqual([long.length, 5]);
    expect(process.cpuUsage(start).user / 1e6, extension).toBeLessThan(5);
  }
});

test("sources are unique and name the line, row or part", async () => {
  const texts = ["a", "two\nlines", "c"];
  const expected: Record<string, string[]> = {
    ".txt": ["#1", "#2", "#3"],
    ".jsonl": [":1", ":2", ":3"],
    ".csv": [":2", ":3", ":5"],
    ".parquet": [":1", ":2", ":3"],
  };
  for (const [extension, marks] of Object.entries(expected)) {
    const path = await file(`sources${extension}`, inEveryFormat(texts)[extension]!);
    const sources = (await collect(readDocuments(path, { separator: SEPARATOR }))).map(({ source }) => source);
    expect(sources).toEqual(marks.map((mark) => path + mark));
  }
});

test("corpus and further fields go with each document; fields that are not there are left out", async () => {
  const options = { corpus: "web", metaKeys: ["id", "none"] };
  const ids: Record<string, unknown> = { ".jsonl": 0, ".csv": "0", ".tsv": "0", ".parquet": 0 };
  for (const [extension, id] of Object.entries(ids)) {
    const path = await file(`meta${extension}`, inEveryFormat(["a", "b"])[extension]!);
    const [first] = await collect(readDocuments(path, options));
    expect(first, extension).toMatchObject({ text: "a", corpus: "web", meta: { id } });
    expect(Object.keys(first!.meta!)).toEqual(["id"]);
  }
});

test("CSV: line ends of each kind, empty fields, blank lines, quotes as ordinary characters", async () => {
  const texts = async (content: string, options: ReadOptions = {}): Promise<string[]> =>
    textsOf(await file("kinds.csv", content), options);
  expect(await texts("id,text\r1,a\r2,b")).toEqual(["a", "b"]);
  expect(await texts('id,text\r1,"a\rb"\r\r2,c\r')).toEqual(["a\rb", "c"]);
  expect(await texts('id,text\n1,a\rb\n2,"c"\r\n')).toEqual(["a\rb", "c"]);
  expect(await texts("text,id\n\n\r\na,\n,\n,1\nb,2")).toEqual(["a", "b"]);
  expect(await texts('text,id\n"a",\n""""," "\n"""b""",""')).toEqual(["a", '"', '"b"']);
  expect(await texts('text\n5" disk\n"\n', { quotes: false })).toEqual(['5" disk', '"']);
  expect(await texts('"text"\nx')).toEqual(["x"]);
});

test("Parquet: every compression, and row groups read in parts when they are large", async () => {
  const texts = Array.from({ length: 50 }, (_, index) => `row ${index} `.repeat(1000) + "中");
  const codecs = { GZIP: (bytes: Uint8Array) => gzipSync(bytes), ZSTD: (bytes: Uint8Array) => zstdStored(bytes) };
  for (const codec of ["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"] as const) {
    const path = await file(`${codec}.parquet`, toParquet(texts, { codec, compressors: codecs }));
    expect(await textsOf(path), codec).toEqual(texts);
  }
  expect(Object.keys(compressors)).toEqual(expect.arrayContaining(["LZ4", "LZ4_RAW", "BROTLI"]));
  const large = Array.from({ length: 20 }, (_, index) => `${index}`.padStart(1 << 20, "word "));
  const path = await file("large.parquet", toParquet(large, { rowGroupSize: 1000, codec: "UNCOMPRESSED" }));
  const batches = await collect(readDocumentBatches(path));
  expect(batches.length).toBeGreaterThan(1);
  expect(batches.flat().map(({ text }) => text)).toEqual(large);
  expect(batches.flat().map(({ source }) => source)).toEqual(large.map((_, index) => `${path}:${index + 1}`));
});

test("records come from Parquet and compressed files, too", async () => {
  const parquet = await file("records.parquet", toParquet(["a", null], { rowGroupSize: 1 }));
  expect(await collect(readRecords(parquet))).toEqual([
    { value: { id: 0, text: "a" }, file: parquet, line: 1 },
    { value: { id: 1, text: null }, file: parquet, line: 2 },
  ]);
  const lines = await file("records.jsonl.gz", gzipSync('[1]\n\n{"a":2}'));
  const array = await file("records.json.zst", zstdStored(Buffer.from("[3,\n4]")));
  const records = await collect(readRecords([lines, array]));
  expect(records.map(({ value, line }) => [value, line])).toEqual([
    [[1], 1],
    [{ a: 2 }, 3],
    [3, 1],
    [4, 2],
  ]);
});

test("files that are cut off are named with what they lack, never read as if they were whole", async () => {
  const bytes = inEveryFormat(Array.from({ length: 40 }, (_, index) => `document ${index} `.repeat(index + 1)));
  const parquet = bytes[".parquet"]!;
  const cases: [string, Uint8Array, RegExp][] = [
    ["cut.parquet", parquet.subarray(0, parquet.length / 2), /complete Parquet file.*cut off or of another format/],
    ["empty.parquet", new Uint8Array(), /complete Parquet file.*an empty file/],
    ["short.parquet", Buffer.from("PAR1"), /complete Parquet file/],
    ["hole.parquet", Buffer.from(parquet).fill(0, 300, 500), /readable data of rows \d+ to \d+/],
    ["empty.jsonl.gz", new Uint8Array(), /gzip data, as the name says, got an empty file/],
    ["plain.jsonl.gz", Buffer.from('{"text":"a"}'), /gzip data, as the name says, got other data/],
    ["other.jsonl.zst", gzipSync('{"text":"a"}'), /zstd data, as the name says, got gzip data/],
  ];
  for (const [added, compress] of Object.entries(COMPRESSIONS).slice(1)) {
    const whole = compress(bytes[".jsonl"]!);
    for (const part of [0.3, 0.7, 0.99]) {
      cases.push([`cut${part}.jsonl${added}`, whole.subarray(0, whole.length * part), /a file that is cut off/]);
    }
    cases.push([`hole.jsonl${added}`, Buffer.from(whole).fill(0xff, 20, 60), /damaged data|cut off|text in utf-8/]);
  }
  for (const [name, content, message] of cases) {
    const path = await file(name, content);
    await expect(textsOf(path), name).rejects.toThrow(FormatError);
    await expect(textsOf(path), name).rejects.toThrow(message);
    await expect(textsOf(path), name).rejects.toThrow(path);
  }
});

test("a Parquet file that holds fewer rows than it promises is no complete file", async () => {
  const bytes = Buffer.from(toParquet(Array.from({ length: 40 }, (_, index) => `text ${index}`)));
  const promise = (rows: number): Buffer => Buffer.from([0x16, 2 * rows]); // Thrift: the next field, an i64, zigzag
  let patched = 0;
  for (let at = bytes.indexOf(promise(40)); at >= 0; at = bytes.indexOf(promise(40)))
    patched += promise(41).copy(bytes, at);
  expect(patched).toBeGreaterThan(2);
  const path = await file("fewer.parquet", bytes);
  await expect(textsOf(path)).rejects.toThrow(
    `${path}: expected readable data of rows 1 to 41, got only 40 of 41 rows`,
  );
});

test("documents before the damage are given before the error", async () => {
  const path = await file("late.jsonl", '{"text":"a"}\n{"text":"b"}\n{"text":\n');
  const found: string[] = [];
  await expect(async () => {
    for await (const { text } of readDocuments(path)) found.push(text);
  }).rejects.toThrow(`${path}:3`);
  expect(found).toEqual(["a", "b"]);
  const csv = await file("late.csv", toCsv([["text", "id"], ["a", "1"], ["b"]]));
  const batches = readDocumentBatches(csv);
  expect((await batches.next()).value).toMatchObject([{ text: "a" }]);
  await expect(batches.next()).rejects.toThrow(`${csv}:3`);
});

test("files are closed at the end, after an error, and when the reader leaves early", async () => {
  const opened = async (): Promise<number> => (await readdir("/proc/self/fd").catch(() => [])).length; // Linux's
  const files = inEveryFormat(TEXTS);
  const before = await opened();
  for (const [extension, bytes] of Object.entries(files)) {
    for (const compress of extension === ".parquet" ? [COMPRESSIONS[""]!] : Object.values(COMPRESSIONS)) {
      const path = await file(`closed${extension}`, compress(bytes));
      await textsOf(path, { chunkBytes: 8 });
      for await (const _ of readDocuments(path, { separator: SEPARATOR, chunkBytes: 8 })) break;
      await expect(textsOf(path, { column: "none", textKey: "none", encoding: "nothing" })).rejects.toThrow();
      if (extension === ".csv") await expect(textsOf(path, { column: "none" })).rejects.toThrow(/a column "none"/);
    }
  }
  expect(await opened()).toBe(before);
});
