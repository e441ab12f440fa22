import { uniforms, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { mul } from "./arithmetic.ts";
import { f32ToBf16 } from "./bf16.ts";
import { roundToBf16Ref } from "./cast.ref.ts";
import { cast } from "./cast.ts";

const device = useTestGpu();

/** Floats of every exponent, ties and near-ties between neighbours in bf16, zeros, subnormals, infinities, NaN. */
function hardFloats(): Float32Array<ArrayBuffer> {
  const random = uniforms(3);
  const bits = Uint32Array.from({ length: 4000 }, (_, i) => {
    const upper = (Math.floor(random() * 65536) << 16) >>> 0;
    const lower = [0, 0x7fff, 0x8000, 0x8001, Math.floor(random() * 65536)][i % 5]!;
    return upper + lower;
  });
  bits.set([0, 0x80000000, 1, 0x80000001, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xffffffff]);
  return new Float32Array(bits.buffer);
}

test("bf16 has the bits of the nearest, ties to even, and NaN stays NaN", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const values = hardFloats();
  const source = gpu.tensor(new Uint32Array(values.buffer), [4000], "u32");
  const x = cast(asF32(source), "bf16");
  expect([...(await x.data<"bf16">())]).toEqual([...f32ToBf16(values)]);
  const back = await cast(x, "f32").data();
  for (const [i, value] of values.entries()) expect(back[i]).toBe(roundToBf16Ref(value));

  function asF32(words: typeof source) {
    const target = gpu.empty(words.shape);
    gpu.copy(words, target, 0);
    return target;
  }
});

test.each([[[]], [[1]], [[7, 7]], [[3, 129]], [[127, 2]], [[2, 2051]], [[5, 3, 1]], [[70000, 1]]])(
  "shape %j",
  async (shape) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i));
    const narrow = cast(gpu.tensor(values, shape), "bf16");
    const back = await cast(narrow, "f32").data();
    expect([...back]).toEqual(Array.from(values, roundToBf16Ref));
    if ((shape.at(-1) ?? 1) % 2 === 1) expect((await narrow.data<"bf16">()).at(-1)).toBe(0);
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
  expect(() => cast(gpu.zeros([2], "i32"), "f32")).toThrow("cast: x: expected f32 or bf16, got [2] i32.");
  expect(() => cast(gpu.zeros([2]), "i32" as "f32")).toThrow("cast: dtype: expected f32 or bf16, got i32.");
});
