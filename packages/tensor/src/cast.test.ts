import { uniforms, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { mul } from "./arithmetic.ts";
import { bf16ToF32, f32ToBf16 } from "./bf16.ts";
import { roundToBf16Ref, roundToF16Ref } from "./cast.ref.ts";
import { cast, castScaled } from "./cast.ts";
import { f16ToF32, f32ToF16 } from "./f16.ts";

const device = useTestGpu();

const halves = {
  bf16: { narrow: f32ToBf16, widen: bf16ToF32, round: roundToBf16Ref },
  f16: { narrow: f32ToF16, widen: f16ToF32, round: roundToF16Ref },
};
const dtypes = ["f16", "bf16"] as const;

/**
 * Floats of every exponent, ties and near-ties between neighbours in bf16 and f16, zeros, subnormals, infinities, NaN, and
 * all around the borders of f16: its largest number, its smallest normal one, and the half of its smallest subnormal.
 */
function hardFloats(): Float32Array<ArrayBuffer> {
  const random = uniforms(3);
  const bits = Uint32Array.from({ length: 8000 }, (_, i) => {
    // The second half has the exponents of f16 and one octave more on either side.
    const exponent = i < 4000 ? Math.floor(random() * 256) : 101 + Math.floor(random() * 43);
    const upper =
      (Math.floor(random() * 2) * 2 ** 31 + exponent * 2 ** 23 + Math.floor(random() * 128) * 2 ** 16) >>> 0;
    const lower = [0, 0x7fff, 0x8000, 0x8001, 0xfff, 0x1000, 0x1001, 0x3000, Math.floor(random() * 65536)][i % 9]!;
    return upper + lower;
  });
  const borders = [
    65504,
    65519.996,
    65520,
    65536,
    2 ** -14,
    2 ** -24,
    2 ** -25,
    1.0000001 * 2 ** -25,
    3 * 2 ** -25,
    2 ** -26,
  ];
  bits.set(new Uint32Array(Float32Array.from(borders).buffer), 20);
  bits.set([0, 0x80000000, 1, 0x80000001, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xffffffff]);
  return new Float32Array(bits.buffer);
}

test.each(dtypes)("%s on the host is the nearest, ties to even, NaN stays NaN; back it is exact", (dtype) => {
  const { narrow, widen, round } = halves[dtype];
  const values = hardFloats();
  const back = widen(narrow(values));
  for (const [i, value] of values.entries()) expect(back[i], `${value}`).toBe(round(value));
  const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const quiet = dtype === "f16" ? 0x200 : 0x40;
  const isNan = (bits: number): boolean => (bits & 0x7fff) > (dtype === "f16" ? 0x7c00 : 0x7f80);
  expect(narrow(widen(every))).toEqual(every.map((bits) => (isNan(bits) ? bits | quiet : bits)));
});

test.each(dtypes)("%s on the GPU has the bits of the host's", async (dtype) => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const { narrow, widen } = halves[dtype];
  const values = hardFloats();
  const x = cast(asF32(new Uint32Array(values.buffer)), dtype);
  expect(await x.data<"f16" | "bf16">()).toEqual(narrow(values));
  const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const wide = await cast(gpu.tensor(every, [65536], dtype), "f32").data();
  expect(new Uint32Array(wide.buffer)).toEqual(new Uint32Array(widen(every).buffer));

  function asF32(words: Uint32Array) {
    const source = gpu.tensor(words, [words.length], "u32");
    const target = gpu.empty(source.shape);
    gpu.copy(source, target, 0);
    return target;
  }
});

test("from one half to the other, and scaled into the range of f16", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const values = [1 + 2 ** -10, 3e-8, 70000, -2];
  const x = gpu.tensor(values);
  expect([...(await cast(cast(cast(x, "f16"), "bf16"), "f32").data())]).toEqual(
    values.map((value) => roundToBf16Ref(roundToF16Ref(value))),
  );
  expect([...(await cast(castScaled(x, "f16", 2 ** -4), "f32").data())]).toEqual(
    values.map((value) => roundToF16Ref(Math.fround(value) / 16)),
  );
  expect([...(await castScaled(x, "bf16", 1).data<"bf16">())]).toEqual([...f32ToBf16(Float32Array.from(values))]);
});

test.each([[[]], [[1]], [[7, 7]], [[3, 129]], [[127, 2]], [[2, 2051]], [[5, 3, 1]], [[70000, 1]]])(
  "shape %j",
  async (shape) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i));
    for (const dtype of dtypes) {
      const narrow = cast(gpu.tensor(values, shape), dtype);
      const back = await cast(narrow, "f32").data();
      expect([...back]).toEqual(Array.from(values, halves[dtype].round));
      if ((shape.at(-1) ?? 1) % 2 === 1) expect((await narrow.data<"bf16">()).at(-1)).toBe(0);
    }
  },
);

test("gradients pass unchanged in both directions, and rows of a view convert alone", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.tensor([1, 2, 3.001, 4, 5, 6], [2, 3]));
  const y = cast(cast(x.slice(1, 2), "bf16"), "f32");
  tape.backward(mul(y, y));
  expect([...(await y.data())]).toEqual([4, 5, 6]);
  expect([...(await tape.gradient(x)!.data())]).toEqual([0, 0, 0, 8, 10, 12]);
});

test("the same dtype is the same tensor; integers are refused", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const x = gpu.zeros([2]);
  expect(cast(x, "f32")).toBe(x);
  expect(() => cast(gpu.zeros([2], "i32"), "f32")).toThrow("cast: x: expected f32, f16 or bf16, got [2] i32.");
  expect(() => castScaled(gpu.zeros([2], "bf16"), "f16", 2)).toThrow("cast: x: expected f32, got [2] bf16.");
  expect(() => cast(gpu.zeros([2]), "i32" as "f32")).toThrow("cast: dtype: expected f32, f16 or bf16, got i32.");
});
