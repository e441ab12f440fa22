import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { countBigrams } from "./kneser-ney.ts";

/**
 * Counted by hand, V = 4, d = 0.75. Sequences 0 1 0 1 2 and 1 0:
 * c(0,1) = 2, c(1,0) = 2, c(1,2) = 1; distinct bigrams 3; N(.,0) = N(.,1) = N(.,2) = 1, token 3 never seen.
 * P1(0) = P1(1) = P1(2) = 0.25/3 + (0.75 * 3 / 3) / 4 = 0.270833...; P1(3) = 0.1875.
 */
const bigram = countBigrams(
  [
    [0, 1, 0, 1, 2],
    [1, 0],
  ],
  { vocabSize: 4 },
);
const P1 = 0.25 / 3 + 0.1875;

test("hand-computed probabilities", () => {
  expect(bigram.probability(0, 1)).toBeCloseTo(1.25 / 2 + (0.75 / 2) * P1, 12);
  expect(bigram.probability(0, 3)).toBeCloseTo((0.75 / 2) * 0.1875, 12);
  expect(bigram.probability(1, 0)).toBeCloseTo(1.25 / 3 + ((0.75 * 2) / 3) * P1, 12);
  expect(bigram.probability(1, 2)).toBeCloseTo(0.25 / 3 + ((0.75 * 2) / 3) * P1, 12);
});

test("an unseen history leaves the continuation probabilities alone", () => {
  expect(bigram.probability(2, 0)).toBeCloseTo(P1, 12);
  expect(bigram.probability(3, 3)).toBeCloseTo(0.1875, 12);
});

test("no bigram crosses two sequences", () => {
  expect(bigram.bigrams).toBe(5);
  expect(bigram.probability(2, 1)).toBeCloseTo(P1, 12);
});

test("loss is the mean of -ln P over all but the first tokens", () => {
  const expected = -(Math.log(1.25 / 2 + (0.75 / 2) * P1) + Math.log(0.1875)) / 2;
  expect(bigram.lossNats([[0, 1], [2, 3], [1]])).toBeCloseTo(expected, 12);
});

test("every history's probabilities sum to 1", () => {
  const V = 50;
  let state = 7;
  const next = () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) ** 2 * (V - 5));
  };
  const model = countBigrams([Array.from({ length: 400 }, next), Uint16Array.from({ length: 300 }, next)], {
    vocabSize: V,
    discount: 0.6,
  });
  for (let previous = 0; previous < V; previous++) {
    let sum = 0;
    for (let token = 0; token < V; token++) sum += model.probability(previous, token);
    expect(sum).toBeCloseTo(1, 12);
  }
});

test("learns: bigrams of the training text cost less than uniform, unseen text costs more than seen", () => {
  const training = Array.from({ length: 200 }, (_, i) => (i * i) % 11);
  const model = countBigrams([training], { vocabSize: 11 });
  const unseen = Array.from({ length: 50 }, (_, i) => (i * 7) % 11);
  expect(model.lossNats([training])).toBeLessThan(Math.log(11) / 2);
  expect(model.lossNats([unseen])).toBeGreaterThan(model.lossNats([training]));
});

test.each([
  ["an id beyond the vocabulary", () => countBigrams([[0, 4]], { vocabSize: 4 })],
  ["a negative id", () => bigram.lossNats([[0, -1]])],
  ["a fraction", () => bigram.lossNats([[0, 0.5]])],
  ["no bigram", () => countBigrams([[1]], { vocabSize: 4 })],
  ["nothing to predict", () => bigram.lossNats([])],
  ["a discount of 1", () => countBigrams([[0, 1]], { vocabSize: 4, discount: 1 })],
])("%s is an OutOfRangeError", (_, act) => {
  let failure: unknown;
  try {
    act();
  } catch (error) {
    failure = error;
  }
  expect(OutOfRangeError.is(failure)).toBe(true);
});
