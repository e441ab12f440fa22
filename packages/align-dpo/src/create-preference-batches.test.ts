import { EmptyDataError } from "@ds3/data";
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { toyPairs } from "../test/toy-pairs.ts";
import { createPreferenceBatches } from "./create-preference-batches.ts";
import { packPairs } from "./pack-pairs.ts";

const pairs = toyPairs(5, 1);
const reference = { chosen: Float32Array.of(1, 2, 3, 4, 5), rejected: Float32Array.of(-1, -2, -3, -4, -5) };
const options = { batch: 3, seed: 7, reference };

test("an epoch has every pair once, in another order each time; batches run over into the next", () => {
  const batches = createPreferenceBatches(pairs, options);
  const seen = Array.from({ length: 5 }, () => [...batches.next().pairs]).flat();
  const epochs = [0, 1, 2].map((e) => seen.slice(5 * e, 5 * e + 5));
  for (const epoch of epochs) expect([...epoch].sort()).toEqual([0, 1, 2, 3, 4]);
  expect(epochs[0]).not.toEqual(epochs[1]);
  expect(batches.pairs).toBe(5);
});

test("a batch's rows and reference log-probs are those of its pairs", () => {
  const batches = createPreferenceBatches(pairs, { ...options, packs: true });
  const { pairs: indices, referenceLogProbs, ...rows } = batches.next();
  expect(rows).toEqual(
    packPairs(
      [...indices].map((i) => pairs[i]!),
      { packs: true },
    ),
  );
  expect([...referenceLogProbs]).toEqual([...indices].flatMap((i) => i + 1).concat([...indices].map((i) => -i - 1)));
  expect(batches.tokensPerBatch({ ...rows, pairs: indices, referenceLogProbs })).toBe(rows.tokenCount);
});

test("from a cursor on, the same batches come", () => {
  const first = createPreferenceBatches(pairs, options);
  for (let i = 0; i < 4; i++) first.next();
  const cursor = JSON.parse(JSON.stringify(first.cursor()));
  const again = createPreferenceBatches(pairs, options);
  again.seek(cursor);
  for (let i = 0; i < 4; i++) expect(again.next()).toEqual(first.next());
  expect(again.cursor()).toEqual(first.cursor());
});

test("the seed decides", () => {
  const order = (seed: number) => [...createPreferenceBatches(pairs, { ...options, batch: 5, seed }).next().pairs];
  expect(order(7)).toEqual(order(7));
  expect([1, 2, 3].map(order)).not.toEqual([order(7), order(7), order(7)]);
});

test("what makes no sense is refused by name", () => {
  const create =
    (changed: object, given = pairs) =>
    () =>
      createPreferenceBatches(given, { ...options, ...changed });
  expect(create({ batch: 0 })).toThrow("createPreferenceBatches: batch: expected an integer of at least 1, got 0.");
  expect(create({ seed: -1 })).toThrow(OutOfRangeError);
  expect(create({}, [])).toThrow(EmptyDataError);
  expect(create({}, [{ ...pairs[0]!, rejected: new Int32Array(0) }])).toThrow(
    "createPreferenceBatches: pairs[0].rejected: expected at least one token, got none.",
  );
  expect(create({ reference: { ...reference, chosen: new Float32Array(4) } })).toThrow(ShapeError);
  expect(create({ reference: { ...reference, chosen: new Float32Array(4) } })).toThrow(
    "reference: expected log-probs of 5 pairs, got 4 chosen, 5 rejected.",
  );
  const batches = createPreferenceBatches(pairs, options);
  expect(() => batches.seek({ epoch: 0, index: 5 })).toThrow("cursor.index: expected an integer from 0 to 4, got 5.");
  expect(() => batches.seek(undefined)).toThrow("cursor.epoch: expected an integer of at least 0, got undefined.");
});
