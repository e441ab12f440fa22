import { EmptyDataError } from "@ds3/data";
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { IGNORED_TARGET } from "@ds3/tensor";
import { uniforms } from "@ds3/testing";
import { expect, test } from "vitest";
import { packSamples } from "./pack-samples.ts";

const sample = (ids: readonly number[], mask: readonly number[]) => ({
  ids: Int32Array.from(ids),
  assistantMask: Uint8Array.from(mask),
});

test("targets are the next tokens that an assistant writes, within a sample; nothing after the last of them is kept", () => {
  const rows = packSamples(
    [sample([10, 11, 12, 13, 14, 15], [0, 0, 1, 0, 1, 0]), sample([20, 21, 22], [0, 1, 1]), sample([30, 31], [1, 1])],
    { length: 7, padId: 9 },
  );
  // 14, 22 and 31 are predicted, not read; 15 is neither.
  expect([...rows.inputs]).toEqual([10, 11, 12, 13, 20, 21, 30]);
  expect([...rows.targets]).toEqual([-100, 12, -100, 14, 21, 22, 31]);
  expect([...rows.positions]).toEqual([0, 1, 2, 3, 0, 1, 0]);
  expect([...rows.documentIds]).toEqual([0, 0, 0, 0, 1, 1, 2]);
  expect(rows).toMatchObject({ batch: 1, length: 7, samples: 3 });
  expect([...rows.usedByRow]).toEqual([7]);
});

test("separate: a row each, padding without targets", () => {
  const two = [sample([1, 2, 3], [0, 0, 1]), sample([4, 5, 6, 7], [0, 1, 0, 1])];
  const rows = packSamples(two, { separate: true, padId: 9 });
  expect([...rows.inputs]).toEqual([1, 2, 9, 4, 5, 6]);
  expect([...rows.targets]).toEqual([-100, 3, -100, 5, -100, 7]);
  expect([...rows.usedByRow]).toEqual([2, 3]);
});

test("for random samples, every assistant's token is a target once, behind what came before it in its sample", () => {
  const uniform = uniforms(5);
  const below = (bound: number) => Math.floor(uniform() * bound);
  for (let round = 0; round < 30; round++) {
    let id = 0;
    // Every id occurs once: a target says where it belongs.
    const samples = Array.from({ length: 1 + below(20) }, () => {
      const size = 2 + below(30);
      const mask = Array.from({ length: size }, (_, i) => (i === 1 ? 1 : below(2)));
      return sample(
        mask.map(() => ++id),
        mask,
      );
    });
    const rows = packSamples(samples, { length: 31 + below(40) });
    const expected = samples.flatMap(({ ids, assistantMask }) => [...ids.filter((_, i) => i > 0 && assistantMask[i])]);
    const counted = [...rows.targets.keys()].filter((i) => rows.targets[i] !== IGNORED_TARGET);
    expect(counted.map((i) => rows.targets[i]!).sort((a, b) => a - b)).toEqual(expected);
    for (const i of counted) {
      expect(rows.inputs[i]).toBe(rows.targets[i]! - 1);
      const from = i - rows.positions[i]!;
      expect(samples.map(({ ids }) => ids[0])).toContain(rows.inputs[from]);
      expect(rows.documentIds[from]).toBe(rows.documentIds[i]);
    }
  }
});

test("samples without a target are left out; none with one is refused by name", () => {
  const useless = [sample([1, 2], [0, 0]), sample([3, 4], [1, 0]), sample([], [])];
  expect(packSamples([...useless, sample([5, 6], [0, 1])])).toMatchObject({ samples: 1, batch: 1, length: 1 });
  expect(() => packSamples(useless)).toThrow(EmptyDataError);
  expect(() => packSamples(useless)).toThrow(/at least one token that an assistant writes .*got none in 3 samples/);
  expect(() => packSamples([])).toThrow(/none in 0 samples/);
});

test("a sample that does not fit, and a mask that is not of its ids, are named", () => {
  const long = sample([1, 2, 3, 4, 5], [0, 1, 0, 1, 0]);
  expect(packSamples([long], { length: 3 })).toMatchObject({ batch: 1 });
  expect(() => packSamples([long], { length: 2 })).toThrow(OutOfRangeError);
  expect(() => packSamples([sample([1], [0]), long], { length: 2 })).toThrow(
    /samples\[1\]: expected at most 2 tokens before the last that is learned, got 3.*maxLength/,
  );
  expect(() => packSamples([sample([1, 2, 3], [0, 1])])).toThrow(ShapeError);
});
