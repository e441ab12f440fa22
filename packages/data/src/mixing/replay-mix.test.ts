import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { EmptyDataError } from "../empty-data-error.ts";
import type { Mixed } from "./mix-types.ts";
import { replayMix } from "./replay-mix.ts";

interface Encoded {
  readonly ids: readonly number[];
}

const encoded = (count: number, length: number): Encoded[] =>
  Array.from({ length: count }, (_, i) => ({ ids: new Array<number>(1 + ((i * 7) % length)).fill(i) }));
const tokens = (documents: readonly Encoded[]): number => documents.reduce((sum, { ids }) => sum + ids.length, 0);

const fresh = { name: "new", documents: encoded(500, 30) };
const old = { name: "old", documents: encoded(900, 40) };

async function replay(ratio: number, oldDocuments = old, more = {}) {
  const mix = await replayMix<Encoded>(fresh, oldDocuments, { ratio, seed: 1, ...more });
  const mixed: Mixed<Encoded>[] = [];
  for await (const each of mix) mixed.push(each);
  return { mixed, report: mix.report(), newOnes: mixed.filter(({ source }) => source === "new") };
}

test.each([0.05, 0.1, 0.5, 0.7])(
  "a share of %d of the tokens is old, and every new document comes once",
  async (ratio) => {
    const { report, newOnes } = await replay(ratio);
    expect(newOnes.map(({ document }) => document)).toEqual(fresh.documents);
    const [, replayed] = report.sources;
    const wanted = (ratio / (1 - ratio)) * tokens(fresh.documents);
    expect(Math.abs(replayed!.amount - wanted)).toBeLessThanOrEqual(40);
    expect(replayed!.share).toBeCloseTo(ratio, 2);
    expect(replayed!.weight).toBe(ratio);
  },
);

test("too few old documents are repeated, up to the cap", async () => {
  const few = { name: "old", documents: encoded(10, 40) };
  const { report, mixed, newOnes } = await replay(0.5, few, { maxEpochs: 3 });
  expect(report.sources[1]).toMatchObject({
    epochs: 3,
    capped: true,
    amount: 3 * tokens(few.documents),
    documents: 30,
  });
  expect(newOnes.length).toBe(fresh.documents.length);
  expect(mixed.filter(({ source }) => source === "old").map(({ epoch }) => epoch)).toEqual(
    [0, 1, 2].flatMap((epoch) => new Array<number>(10).fill(epoch)),
  );
});

test("the ratio holds throughout: old ones come among all the new ones", async () => {
  const { mixed } = await replay(0.25);
  let [ofOld, all] = [0, 0];
  for (const { source, document } of mixed) {
    all += document.ids.length;
    if (source === "old") ofOld += document.ids.length;
    expect(Math.abs(ofOld - 0.25 * all)).toBeLessThanOrEqual(140);
  }
});

test("with ratio 0 nothing is old, and nothing is read of it", async () => {
  const unread = { name: "old", documents: () => expect.unreachable() as Encoded[] };
  const mix = await replayMix<Encoded>(fresh, unread, { ratio: 0, seed: 1 });
  let count = 0;
  for await (const { source } of mix) count += source === "new" ? 1 : 0;
  expect(count).toBe(fresh.documents.length);
});

test("from a cursor on the mix is the same", async () => {
  const { mixed } = await replay(0.3);
  const first = await replayMix<Encoded>(fresh, old, { ratio: 0.3, seed: 1 });
  for (let i = 0; i < 200; i++) await first.next();
  const cursor = JSON.parse(JSON.stringify(first.cursor())) as ReturnType<typeof first.cursor>;
  expect((await replay(0.3, old, { cursor })).mixed).toEqual(mixed.slice(200));
  await expect(replayMix<Encoded>(fresh, old, { ratio: 0.4, seed: 1, cursor })).rejects.toThrow("replayMix: cursor");
});

test("a ratio or sources that are none are named", async () => {
  const call = (...given: unknown[]) => expect(replayMix(...(given as Parameters<typeof replayMix>))).rejects;
  await call(undefined, old, { ratio: 0.1, seed: 1 }).toThrow(
    "replayMix: newDocuments: expected an object, got undefined",
  );
  await call(fresh, [1], { ratio: 0.1, seed: 1 }).toThrow(/oldDocuments: expected an object, got \[1\]/);
  await call(fresh, old, undefined).toThrow("options: expected an object");
  await call(fresh, old, { ratios: 0.1, seed: 1 }).toThrow('Did you mean "ratio"?');
  await call(fresh, old, { ratio: "0.1", seed: 1 }).toThrow(OutOfRangeError);
  for (const ratio of [1, -0.1, Number.NaN]) await expect(replay(ratio)).rejects.toThrow(OutOfRangeError);
  await expect(replayMix(fresh, { ...old, name: "new" }, { ratio: 0.1, seed: 1 })).rejects.toThrow(ConfigError);
  await expect(replay(0.1, { name: "old", documents: [] })).rejects.toThrow(EmptyDataError);
  await expect(replayMix({ ...fresh, documents: [] }, old, { ratio: 0.1, seed: 1 })).rejects.toThrow('source "new"');
});
