import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FormatError } from "@ds3/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmptyDataError } from "./empty-data-error.ts";
import { createRandom } from "./random.ts";
import { type FileRecord, readRecords } from "./read-records.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-records-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function records(...paths: string[]): Promise<FileRecord[]> {
  const found: FileRecord[] = [];
  for await (const record of readRecords(paths)) found.push(record);
  return found;
}

test("lines and arrays give their values, with file and line, file after file", async () => {
  const lines = await file("a.jsonl", '\uFEFF{"a":1}\r\n\r\n[2]\n"x\u2028y"\nnull');
  const array = await file("b.json", '\n[\n  {"b": "[,]\\"}",\n   "c": [1, {}]}, 2,\n\n  "\\\\"]\n');
  expect(await records(lines, array)).toEqual([
    { value: { a: 1 }, file: lines, line: 1 },
    { value: [2], file: lines, line: 3 },
    { value: "x\u2028y", file: lines, line: 4 },
    { value: null, file: lines, line: 5 },
    { value: { b: '[,]"}', c: [1, {}] }, file: array, line: 3 },
    { value: 2, file: array, line: 4 },
    { value: "\\", file: array, line: 6 },
  ]);
});

/** Random JSON with the characters that could mislead a reader. */
function randomValue(random: ReturnType<typeof createRandom>, depth: number): unknown {
  const kind = random.below(depth > 3 ? 3 : 5);
  if (kind === 0) return random.below(1000) / 8;
  if (kind === 1) return [null, true, false][random.below(3)];
  const text = Array.from({ length: random.below(8) }, () => '"\\[]{},:\n 中😀'[random.below(12)]).join("");
  if (kind === 2) return text;
  const values = Array.from({ length: random.below(4) }, () => randomValue(random, depth + 1));
  return kind === 3 ? values : Object.fromEntries(values.map((value, i) => [text + i, value]));
}

test("any array is read as JSON.parse reads it, however it is laid out", async () => {
  const random = createRandom({ seed: 5 });
  for (let i = 0; i < 40; i++) {
    const values = Array.from({ length: 1 + random.below(6) }, () => randomValue(random, 0));
    const path = await file("any.json", JSON.stringify(values, null, random.below(3)));
    expect((await records(path)).map(({ value }) => value)).toEqual(JSON.parse(JSON.stringify(values)));
  }
});

test("file and line of what is no JSON are named", async () => {
  const cases: [string, string, string][] = [
    ["torn.jsonl", '{"a":1}\n{"a":\n', ':2: expected JSON on one line, got {"a":.'],
    ["torn.json", '[1,\n{"a":}\n]', ':2: expected JSON as an element of the array, got {"a":}.'],
    ["open.json", "[1,\n2", ":2: expected the array's end ], got [1,\n2."],
    ["string.json", '[1, "a]', ':1: expected JSON as an element of the array, got "a.'],
    ["object.json", '{"a": []}', ":1: expected a JSON array of records"],
    ["comma.json", "[1,\n2,\n]", ":3: expected an element between commas, got nothing."],
    ["blank.json", " ", ":1: expected a JSON array of records, got nothing."],
  ];
  for (const [name, content, message] of cases) {
    const path = await file(name, content);
    await expect(records(path), name).rejects.toThrow(FormatError);
    await expect(records(path), name).rejects.toThrow(`readRecords: ${path}${message}`);
  }
});

test("a missing file, an unknown extension and no record at all are named", async () => {
  const missing = join(folder, "none.jsonl");
  await expect(records(missing)).rejects.toThrow(`readRecords: ${missing}: expected a readable file, got no such file`);
  await expect(records(join(folder, "none.json"))).rejects.toThrow("got no such file");
  await expect(records(missing, "a.txt")).rejects.toThrow(ConfigError);
  await expect(records(missing, "a.txt")).rejects.toThrow("an extension of .jsonl, .ndjson, .json, .parquet, got .txt");
  const [lines, array] = [await file("blank.jsonl", "\n \n"), await file("empty.json", "[ \n]")];
  await expect(records(lines, array)).rejects.toThrow(EmptyDataError);
  await expect(records()).rejects.toThrow(EmptyDataError);
});
