import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { type Batch, type BatchOptions, createBatches } from "./create-batches.ts";
import { EmptyDataError } from "./empty-data-error.ts";
import { type PackedTokens, packTokens } from "./pack-tokens.ts";
import { createRandom } from "./random.ts";

/** Documents of random lengths whose ids count up from 1000: an id says where in the stream it stands. */
function countedDocuments(seed: number): PackedTokens {
  const random = createRandom({ seed });
  let next = 1000;
  const documents = Array.from({ length: 1 + random.below(12) }, () =>
    Array.from({ length: 2 + random.below(30) }, () => next++),
  );
  return packTokens(documents);
}

function randomOptions(seed: number): BatchOptions {
  const random = createRandom({ seed, stream: 1 });
  return {
    ...countedDocuments(seed),
    sequenceLength: 1 + random.below(20),
    batchSize: 1 + random.below(4),
    lookahead: 1 + random.below(4),
    seed,
    documentMask: random.below(2) === 1,
    padId: 7,
  };
}

const documentOf = ({ documentStarts }: PackedTokens, id: number): number =>
  documentStarts.findLastIndex((start) => start <= id - 1000);

const snapshot = (batch: Batch | undefined): unknown => JSON.parse(JSON.stringify(batch));

test("one epoch takes every token but the last as an input once, with the right target", () => {
  for (let seed = 0; seed < 60; seed++) {
    const options = { ...randomOptions(seed), documentMask: false, epochs: 1 };
    const seen: number[] = [];
    for (const { inputs, targets } of createBatches(options)) {
      inputs.forEach((id, i) => {
        if (targets[i] === -100) return;
        expect(targets[i]).toBe(id + 1);
        seen.push(id);
      });
    }
    const expected = Array.from({ length: options.tokens.length - 1 }, (_, i) => 1000 + i);
    expect(seen.sort((a, b) => a - b)).toEqual(expected);
  }
});

test("with a document mask every target lies in its input's document, at every depth, and none is missing", () => {
  for (let seed = 0; seed < 60; seed++) {
    const options = { ...randomOptions(seed), documentMask: true, epochs: 1 };
    for (const { inputs, targetsByDepth } of createBatches(options)) {
      targetsByDepth.forEach((targets, depth) => {
        inputs.forEach((id, i) => {
          const wanted = id + depth + 1;
          const exists = id >= 1000 && wanted < 1000 + options.tokens.length;
          const isInside = exists && documentOf(options, wanted) === documentOf(options, id);
          expect(targets[i]).toBe(isInside ? wanted : -100);
        });
      });
    }
  }
});

test("positions and segment ids restart where a document does", () => {
  for (let seed = 0; seed < 60; seed++) {
    const options = { ...randomOptions(seed), documentMask: true, epochs: 1 };
    const T = options.sequenceLength;
    for (const { inputs, positions, documentIds } of createBatches(options)) {
      inputs.forEach((id, i) => {
        if (id < 1000) return;
        const isRowStart = i % T === 0;
        const isStart = isRowStart || documentOf(options, id) !== documentOf(options, id - 1);
        expect(positions![i]).toBe(isStart ? 0 : positions![i - 1]! + 1);
        expect(documentIds![i]).toBe(isRowStart ? 0 : documentIds![i - 1]! + (isStart ? 1 : 0));
      });
    }
  }
});

test("every input has its document's weight, and padding 0", () => {
  for (let seed = 0; seed < 60; seed++) {
    const options = { ...randomOptions(seed), epochs: 1 };
    const weights = Float32Array.from(options.documentStarts, (_, d) => (d % 3) / 2 + 0.25);
    const plain = [...createBatches(options)];
    expect(plain.every((batch) => !("weights" in batch))).toBe(true);
    const weighted = [...createBatches({ ...options, weights })];
    expect(weighted.map(({ weights: _, ...batch }) => batch)).toEqual(plain);
    for (const batch of weighted) {
      const wanted = Array.from(batch.inputs, (id) => (id < 1000 ? 0 : weights[documentOf(options, id)]));
      expect([...batch.weights!]).toEqual(wanted);
    }
  }
});

test("weights that are not one a document are refused", () => {
  const options = { ...packTokens([[1, 2], [3]]), sequenceLength: 2, batchSize: 1 };
  expect(() => createBatches({ ...options, weights: Float32Array.of(1) })).toThrow(
    "createBatches: weights: expected [documents=2], got [1].",
  );
});

test("padding has no target, its own segment, and the pad id", () => {
  const packed = packTokens([[10, 11, 12]]);
  const [batch] = createBatches({
    ...packed,
    sequenceLength: 5,
    batchSize: 2,
    documentMask: true,
    epochs: 1,
    padId: 3,
  });
  expect(snapshot(batch)).toEqual(
    snapshot({
      inputs: Int32Array.of(10, 11, 12, 3, 3, 3, 3, 3, 3, 3),
      targets: Int32Array.of(11, 12, -100, -100, -100, -100, -100, -100, -100, -100),
      targetsByDepth: [Int32Array.of(11, 12, -100, -100, -100, -100, -100, -100, -100, -100)],
      tokens: Int32Array.of(10, 11, 12, 3, 3, 3, 3, 3, 3, 3, 3, 3),
      positions: Int32Array.of(0, 1, 2, 0, 1, 0, 0, 0, 0, 0),
      documentIds: Int32Array.of(0, 0, 0, 1, 1, 0, 0, 0, 0, 0),
      targetCount: 2,
    }),
  );
});

test("tokens holds the row and its lookahead as they stand in the stream", () => {
  const packed = packTokens([Array.from({ length: 9 }, (_, i) => i + 1), [50, 51, 52]]);
  const batches = createBatches({ ...packed, sequenceLength: 4, batchSize: 1, lookahead: 3, shuffle: false });
  expect([...batches.next().value!.tokens]).toEqual([1, 2, 3, 4, 5, 6, 7]);
  const second = batches.next().value!;
  expect([...second.tokens]).toEqual([5, 6, 7, 8, 9, 50, 51]);
  expect([...second.targetsByDepth[2]!]).toEqual([8, 9, 50, 51]);
  expect(second.positions).toBeUndefined();
});

test("N + N batches through a saved cursor equal 2N batches", () => {
  for (let seed = 0; seed < 30; seed++) {
    const options = randomOptions(seed);
    const whole = createBatches(options);
    const first = createBatches(options);
    const N = 7;
    for (let i = 0; i < N; i++) expect(snapshot(first.next().value)).toEqual(snapshot(whole.next().value));
    const resumed = createBatches(options);
    resumed.seek(JSON.parse(JSON.stringify(first.cursor())));
    for (let i = 0; i < N; i++) expect(snapshot(resumed.next().value)).toEqual(snapshot(whole.next().value));
    expect(resumed.cursor()).toEqual(whole.cursor());
  }
});

test("epochs differ in order, the seed decides it, and a batch may span two epochs", () => {
  const packed = packTokens([Array.from({ length: 101 }, (_, i) => i)]);
  const rowsOf = (seed: number, epochs: number): number[] => {
    const batches = createBatches({ ...packed, sequenceLength: 2, batchSize: 5, seed, epochs });
    return [...batches].flatMap(({ inputs }) => [...inputs].filter((_, i) => i % 2 === 0));
  };
  const [one, two] = [rowsOf(1, 2).slice(0, 50), rowsOf(1, 2).slice(50)];
  expect(one).not.toEqual(two);
  expect([...one].sort()).toEqual([...two].sort());
  expect(rowsOf(2, 1)).not.toEqual(one);
  expect(rowsOf(1, 1)).toEqual(one);
  const spanning = createBatches({ ...packed, sequenceLength: 2, batchSize: 60 });
  spanning.next();
  expect(spanning.cursor()).toEqual({ epoch: 1, index: 10 });
});

test("what cannot be batched is named", () => {
  const packed = packTokens([[1, 2, 3]]);
  const options = { ...packed, sequenceLength: 2, batchSize: 1 };
  expect(() => createBatches({ ...options, tokens: Int32Array.of(1) })).toThrow(EmptyDataError);
  expect(() => createBatches({ ...options, sequenceLength: 0 })).toThrow(/sequenceLength: expected an integer of at/);
  expect(() => createBatches({ ...options, lookahead: 1.5 })).toThrow(OutOfRangeError);
  expect(() => createBatches({ ...options, documentStarts: Int32Array.of(0, 2, 2) })).toThrow(ShapeError);
  expect(() => createBatches({ ...options, documentStarts: Int32Array.of(1) })).toThrow(/documentStarts\[0\]/);
  expect(() => createBatches(options).seek({ epoch: 0, index: 1 })).toThrow(
    /cursor.index: expected an integer from 0 to 0, got 1/,
  );
  expect(() => createBatches(options).seek({ epoch: -1, index: 0 })).toThrow(OutOfRangeError);
});
