import { DtypeError, OutOfRangeError } from "@ds3/errors";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { philoxRef } from "./philox.ref.ts";
import { fillNormal, randomWords } from "./philox.ts";

const device = useTestGpu();
const ones = 0xffff_ffff;

test.each([
  // Known answers published with the algorithm (Random123's kat_vectors).
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [ones, ones, ones, ones],
    [ones, ones],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
])("the reference gives the known answers (%#)", (counter, key, expected) => {
  expect(philoxRef(counter, key)).toEqual(expected);
});

test("words on the GPU equal the reference, for any size, seed and stream", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [seed, stream] = [2 ** 52 + 12345, 4_000_000_000];
  const got = await randomWords(gpu, [1027], { seed, stream }).data<"u32">();
  const key = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  const want = Array.from({ length: 257 }, (_, i) => philoxRef([i, stream, 0, 0], key)).flat();
  expect([...got]).toEqual(want.slice(0, 1027));
});

test("normal numbers have the moments of a normal distribution and depend on the stream", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const n = 200_000;
  const draw = async (stream: number): Promise<Float32Array> => {
    const values = gpu.empty([n]);
    fillNormal(values, 2, { seed: 7, stream });
    return values.data();
  };
  const [a, b] = [await draw(0), await draw(1)];
  const moment = (k: number): number => a.reduce((sum, x) => sum + (x / 2) ** k, 0) / n;
  // Five standard errors of each moment.
  const error = 5 / Math.sqrt(n);
  expect(Math.abs(moment(1))).toBeLessThan(error);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(error * Math.sqrt(2));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(error * Math.sqrt(96));
  expect(Math.abs(a.reduce((sum, x, i) => sum + (x * b[i]!) / 4, 0) / n)).toBeLessThan(error);
  expect([...(await draw(0)).subarray(0, 100)]).toEqual([...a.subarray(0, 100)]);
});

test("seeds, streams and dtypes that it cannot take are named", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  for (const seed of [-1, 0.5, 2 ** 53, Number.NaN])
    expect(() => randomWords(gpu, [4], { seed })).toThrow(/seed: expected an integer in \[0, 2\^53\)/);
  expect(() => fillNormal(gpu.empty([4]), 1, { seed: 1, stream: 2 ** 32 })).toThrow(OutOfRangeError);
  expect(() => fillNormal(gpu.empty([4], "i32"), 1, { seed: 1 })).toThrow(DtypeError);
});
