import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { EmptyDataError } from "./empty-data-error.ts";
import { type PackedRows, packRows } from "./pack-rows.ts";
import { createRandom } from "./random.ts";

interface Case {
  readonly seed: number;
  readonly length: number;
  readonly sequences: Int32Array[];
}

/** Sequences of random lengths whose ids count up from 1: an id says which token of which sequence it is. */
function randomCase(seed: number): Case {
  const random = createRandom({ seed });
  const length = 1 + random.below(40);
  let next = 1;
  const sequences = Array.from({ length: 1 + random.below(60) }, () =>
    Int32Array.from({ length: 1 + random.below(length) }, () => next++),
  );
  return { seed, length, sequences };
}

const cases = Array.from({ length: 40 }, (_, seed) => randomCase(seed));

/** Rows that first-fit needs: each sequence, in order, into the first row with space. */
function firstFit({ sequences, length }: Case): number {
  const spaces: number[] = [];
  for (const { length: size } of sequences) {
    const row = spaces.findIndex((space) => space >= size);
    if (row >= 0) spaces[row]! -= size;
    else spaces.push(length - size);
  }
  return spaces.length;
}

/** Checks what holds for every packing: nothing lost or doubled, segments apart, positions from 0. */
function expectSound({ inputs, positions, documentIds, batch, length, starts }: PackedRows, { sequences }: Case): void {
  for (const array of [inputs, positions, documentIds]) expect(array.length).toBe(batch * length);
  expect(starts.length).toBe(sequences.length);
  const owner = new Int32Array(inputs.length).fill(-1);
  sequences.forEach((sequence, index) => {
    const start = starts[index]!;
    expect(Math.floor(start / length)).toBe(Math.floor((start + sequence.length - 1) / length));
    sequence.forEach((id, t) => {
      expect([inputs[start + t], positions[start + t], owner[start + t]]).toEqual([id, t, -1]);
      owner[start + t] = index;
    });
  });
  for (let i = 0; i < owner.length; i++) {
    if (owner[i]! < 0) expect(inputs[i]).toBe(0);
    const isRowStart = i % length === 0;
    const isNew = !isRowStart && owner[i] !== owner[i - 1];
    expect(documentIds[i]).toBe(isRowStart ? 0 : documentIds[i - 1]! + (isNew ? 1 : 0));
    expect(positions[i]).toBe(isRowStart || isNew ? 0 : positions[i - 1]! + 1);
  }
}

test("each sequence lies once and whole in a row, apart from its neighbours and the padding", () => {
  for (const one of cases) expectSound(packRows(one.sequences, { length: one.length }), one);
});

test("the longest sequence gives the length, and one sequence a row stays in order", () => {
  for (const one of cases) {
    const packed = packRows(one.sequences, { separate: true });
    expectSound(packed, one);
    expect(packed.length).toBe(Math.max(...one.sequences.map(({ length }) => length)));
    expect([...packed.starts]).toEqual(one.sequences.map((_, row) => row * packed.length));
  }
});

test("never more rows than first-fit, in the same rows each time", () => {
  let saved = 0;
  for (const one of cases) {
    const packed = packRows(one.sequences, { length: one.length });
    expect(packed.batch, `seed ${one.seed}`).toBeLessThanOrEqual(firstFit(one));
    saved += firstFit(one) - packed.batch;
    expect(packRows(one.sequences, { length: one.length })).toEqual(packed);
  }
  expect(saved).toBeGreaterThan(0);
});

test("the row that is left with the least space is chosen, the last to have it among equals", () => {
  const sequences = [2, 7, 3, 6, 3].map((length, index) => new Int32Array(length).fill(index + 1));
  const packed = packRows(sequences, { length: 10, padId: 9 });
  const rows = Array.from({ length: packed.batch }, (_, row) => [...packed.inputs.subarray(row * 10, row * 10 + 10)]);
  expect(rows).toEqual([
    [2, 2, 2, 2, 2, 2, 2, 3, 3, 3],
    [4, 4, 4, 4, 4, 4, 5, 5, 5, 9],
    [1, 1, 9, 9, 9, 9, 9, 9, 9, 9],
  ]);
  expect([...packed.starts]).toEqual([20, 0, 7, 10, 16]);
  const equals = packRows(
    [6, 6, 4].map((length) => new Int32Array(length)),
    { length: 10 },
  );
  expect([...equals.starts]).toEqual([0, 10, 16]);
  expect([...packed.documentIds.subarray(10)]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect([...packed.positions.subarray(10)]).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7]);
});

test("what cannot be packed is named", () => {
  const one = Int32Array.of(1);
  expect(() => packRows([])).toThrow(EmptyDataError);
  expect(() => packRows([])).toThrow("packRows: sequences: expected at least one sequence, got none.");
  expect(() => packRows([one, new Int32Array(0)])).toThrow(EmptyDataError);
  expect(() => packRows([one, new Int32Array(0)])).toThrow("packRows: sequences[1]: expected at least one token");
  expect(() => packRows([one, new Int32Array(5)], { length: 4 })).toThrow(OutOfRangeError);
  expect(() => packRows([one, new Int32Array(5)], { length: 4 })).toThrow(
    "sequences[1]: expected at most 4 tokens, got 5.",
  );
  expect(() => packRows([one], { length: 0 })).toThrow(
    "packRows: length: expected an integer from 1 to 2147483647, got 0.",
  );
  expect(() => packRows([one], { padId: -1 })).toThrow(OutOfRangeError);
});
