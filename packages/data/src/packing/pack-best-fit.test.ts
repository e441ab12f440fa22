import { readFileSync } from "node:fs";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { packBestFit } from "./pack-best-fit.ts";

/** Lengths of documents as corpora have them: log-normal, a few hundred tokens in the middle, some of many thousands. */
function logNormal(count: number, seed: number): Int32Array {
  const random = createRandom({ seed });
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.nextFloat())) * Math.cos(2 * Math.PI * random.nextFloat());
  return Int32Array.from({ length: count }, () => Math.max(1, Math.round(Math.exp(6 + 1.2 * normal()))));
}

/** Best-fit decreasing from its definition: every bin is looked at. Spaces left, in the order that bins were opened. */
function naiveSpaces(lengths: readonly number[], capacity: number): number[] {
  const pieces = lengths.flatMap((length) => [
    ...new Array<number>(Math.floor(length / capacity)).fill(capacity),
    ...(length % capacity > 0 ? [length % capacity] : []),
  ]);
  const spaces: number[] = [];
  for (const piece of pieces.sort((a, b) => b - a)) {
    const fitting = spaces.filter((space) => space >= piece);
    if (fitting.length === 0) spaces.push(capacity - piece);
    else spaces[spaces.indexOf(Math.min(...fitting))]! -= piece;
  }
  return spaces;
}

const randomCases = Array.from({ length: 60 }, (_, seed) => {
  const random = createRandom({ seed, stream: 9 });
  const capacity = 1 + random.below([4, 40, 1100, 40_000][seed % 4]!);
  const lengths = Array.from({ length: random.below(120) }, () => random.below(2 * capacity + 3));
  return { lengths, capacity };
});

test("split: every token of every document is in one place, and no bin holds more than it can", () => {
  for (const { lengths, capacity } of randomCases) {
    const bins = packBestFit(lengths, capacity);
    const seen = lengths.map((length) => new Uint8Array(length));
    for (let b = 0; b < bins.binCount; b++) {
      let used = 0;
      for (let p = bins.binStarts[b]!; p < bins.binStarts[b + 1]!; p++) {
        expect(bins.lengths[p]).toBeGreaterThan(0);
        used += bins.lengths[p]!;
        for (let i = 0; i < bins.lengths[p]!; i++) seen[bins.documents[p]!]![bins.offsets[p]! + i]! += 1;
      }
      expect(used).toBeGreaterThan(0);
      expect(used).toBeLessThanOrEqual(capacity);
    }
    for (const counts of seen) expect(counts.every((count) => count === 1)).toBe(true);
    expect(bins.binStarts[bins.binCount]).toBe(bins.lengths.length);
  }
});

test("truncate: the beginning of every document, whole, in one bin", () => {
  for (const { lengths, capacity } of randomCases) {
    const { documents, offsets, lengths: kept } = packBestFit(lengths, capacity, { long: "truncate" });
    const found = [...documents].map((d, p) => [d, offsets[p]!, kept[p]!]).sort((a, b) => a[0]! - b[0]!);
    const wanted = lengths.flatMap((length, d) => (length > 0 ? [[d, 0, Math.min(length, capacity)]] : []));
    expect(found).toEqual(wanted);
  }
});

test("the spaces left are those of best-fit decreasing by its definition", () => {
  for (const { lengths, capacity } of randomCases) {
    const { binCount, binStarts, lengths: sizes, utilization } = packBestFit(lengths, capacity);
    const spaces = Array.from({ length: binCount }, (_, b) =>
      sizes.subarray(binStarts[b], binStarts[b + 1]).reduce((space, size) => space - size, capacity),
    );
    const ascending = (a: number, b: number): number => a - b;
    const wanted = naiveSpaces(lengths, capacity);
    expect(spaces.sort(ascending)).toEqual(wanted.sort(ascending));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (binCount > 0) expect(utilization).toBeCloseTo(total / (binCount * capacity), 12);
    else expect(utilization).toBe(1);
  }
});

test.each([512, 2048, 4096])("of bins of %d at least 99.5 % of the places are used", (capacity) => {
  expect(packBestFit(logNormal(30_000, 3), capacity).utilization).toBeGreaterThanOrEqual(0.995);
});

test("among equals: the first piece first, into the bin that came to its space last", () => {
  const { documents, binStarts } = packBestFit([6, 6, 4, 4, 3, 7], 10);
  const bins = [0, 1, 2].map((b) => [...documents.subarray(binStarts[b], binStarts[b + 1])]);
  expect(bins).toEqual([
    [5, 4],
    [0, 3],
    [1, 2],
  ]);
});

test("a capacity or length that is none is named", () => {
  expect(() => packBestFit([1], 0)).toThrow(OutOfRangeError);
  expect(() => packBestFit([1, -1], 4)).toThrow("lengths[1]");
  expect(() => packBestFit([1.5], 4)).toThrow("lengths[0]");
});

test("a misspelled choice or key is refused: it would cut documents, or be ignored", () => {
  const pack = (options: object) => () => packBestFit([5, 30], 10, options);
  expect(pack({ long: "cut" })).toThrow('long: expected "split" or "truncate", got "cut"');
  expect(pack({ long: "cut" })).toThrow(ConfigError);
  expect(pack({ longs: "split" })).toThrow('"longs". Did you mean "long"?');
  expect(packBestFit([5, 30], 10, { long: undefined as never })).toEqual(packBestFit([5, 30], 10));
});

const files = listDatasets([".jsonl", ".txt", ".md"]);
if (files === undefined) skipVisibly("packing of data sets: no external data sets (set DS3_DATASETS)");
test.runIf(files !== undefined)("all records of the data sets together use 99.5 % of the places", async () => {
  const lengths: number[] = [];
  for (const file of files!) {
    const text = readFileSync(file, "utf8");
    // A token of such text is three or four bytes; what matters here is how the lengths of real records vary.
    const records = file.endsWith(".jsonl") ? text.split("\n") : [text];
    lengths.push(...records.map((record) => Math.ceil(Buffer.byteLength(record) / 4)));
  }
  expect(lengths.length).toBeGreaterThan(1000);
  for (const capacity of [512, 2048, 4096]) {
    expect(packBestFit(lengths, capacity).utilization, `T = ${capacity}`).toBeGreaterThanOrEqual(0.995);
  }
});
