import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { sortRecords } from "./radix-sort.ts";

test("records come in order of their keys, equal ones in the order they had", () => {
  const random = createRandom({ seed: 2 });
  for (let round = 0; round < 40; round++) {
    const [count, keyWords] = [random.below(300), 1 + random.below(4)];
    const bits = [1, 3, 17, 32][random.below(4)]!;
    const rows = Array.from({ length: count }, (_, i) => [
      ...Array.from({ length: keyWords }, () => random.nextUint32() >>> (32 - bits)),
      i,
    ]);
    const records = Uint32Array.from(rows.flat());
    const sorted = sortRecords(records, new Uint32Array(records.length), count, keyWords + 1, keyWords);
    rows.sort((a, b) => a.map((word, i) => word - b[i]!).find((difference) => difference !== 0) ?? 0);
    expect([...sorted]).toEqual(rows.flat());
  }
});
