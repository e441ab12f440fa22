import { expectNear, integers, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { roundToBf16Ref, roundToF16Ref } from "./cast.ref.ts";
import { createRowGroups } from "./grouped-matmul.ts";
import { halfGroupedLinear, halfLinear } from "./half-linear.ts";
import { matmulRef } from "./matmul.ref.ts";
import type { Tensor } from "./tensor.ts";

const device = useTestGpu();
const rounds = { f16: roundToF16Ref, bf16: roundToBf16Ref };
/** Largest relative error of one rounding: half of the last of 11 or 8 significant bits. */
const unit = { f16: 2 ** -11, bf16: 2 ** -8 };
/** f32 sums of up to some hundred products against f64, relative to the largest entry. */
const TOLERANCE = 3e-6;

type Dtype = keyof typeof rounds;
const product = (a: Float64Array, b: Float64Array, m: number, n: number, k: number, layout: "nt" | "nn" | "tn") =>
  matmulRef(a, b, { m, n, k, transposeA: layout === "tn", transposeB: layout === "nt" });
const absolute = (values: Float64Array): Float64Array => values.map(Math.abs);

describe.each(["f16", "bf16"] as const)("halfLinear %s", (dtype: Dtype) => {
  const round = rounds[dtype];
  test.each([
    [1, 7, 5],
    [13, 129, 127],
    [64, 64, 128],
    [130, 40, 33],
  ])("%i rows, %i -> %i: products of rounded operands, and near those of exact ones", async (T, I, O) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const exact: Record<"x" | "w" | "dy", Float64Array> = {
      x: normals(T * I, 1).map(Math.fround),
      w: normals(O * I, 2).map(Math.fround),
      // Gradients as small as those of a mean over many tokens: below the normal range of f16.
      dy: normals(T * O, 3).map((value) => Math.fround(value * 1e-6)),
    };
    const x = tape.watch(gpu.tensor(exact.x, [T, I]));
    const w = tape.watch(gpu.tensor(exact.w, [O, I]));
    const y = halfLinear(dtype)(x, w);
    tape.backwardFrom([[y, gpu.tensor(exact.dy, [T, O])]]);
    const results = {
      y: { got: y, shape: [T, O], of: (a: typeof exact) => product(a.x, a.w, T, O, I, "nt") },
      dx: { got: tape.gradient(x)!, shape: [T, I], of: (a: typeof exact) => product(a.dy, a.w, T, I, O, "nn") },
      dw: { got: tape.gradient(w)!, shape: [O, I], of: (a: typeof exact) => product(a.dy, a.x, O, I, T, "tn") },
    };
    const scale = dtype === "f16" ? 1024 : 1;
    const rounded = {
      x: exact.x.map(round),
      w: exact.w.map(round),
      dy: exact.dy.map((value) => round(value * scale) / scale),
    };
    const magnitudes = { x: absolute(exact.x), w: absolute(exact.w), dy: absolute(exact.dy) };
    for (const [name, { got, shape, of }] of Object.entries(results)) {
      const values = await got.data();
      expect(got.dtype).toBe("f32");
      expectNear(name, values, of(rounded), shape, TOLERANCE);
      // |h(a) h(b) - a b| <= (2 unit + unit^2) |a b|, summed over k, and f32 sums; a dy below the normal range of f16
      // may be off by half of its smallest subnormal instead, whatever it is multiplied by.
      const [want, size] = [of(exact), of(magnitudes)];
      const lost = name === "y" || dtype === "bf16" ? undefined : of({ ...magnitudes, dy: exact.dy.map(() => 1) });
      const bound = 2 * unit[dtype] + unit[dtype] ** 2 + 2e-6;
      for (const [i, value] of values.entries()) {
        const limit = bound * size[i]! + (2 ** -25 / scale) * (lost?.[i] ?? 0);
        expect(Math.abs(value - want[i]!), `${name}[${i}]`).toBeLessThan(limit);
      }
    }
  });

  test("several leading axes, a parameter whose gradient is added to, a slice as input", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const [all, w] = [normals(5 * 2 * 3, 4).map(Math.fround), normals(7 * 3, 5).map(Math.fround)];
    const x = tape.watch(gpu.tensor(all, [5, 2, 3]));
    const weight = gpu.tensor(w, [7, 3]);
    weight.grad = gpu.full([7, 3], 9);
    const linear = halfLinear(dtype, { gradientScale: 1 });
    const y = linear(x.slice(1, 3), weight);
    expect(y.shape).toEqual([2, 2, 7]);
    const dy = Float64Array.from({ length: 28 }, (_, i) => (i % 5) - 2);
    tape.backwardFrom([[y, gpu.tensor(dy, [2, 2, 7])]]);
    const part = all.subarray(6, 18).map(round);
    const dw = product(dy, part, 7, 3, 4, "tn").map((value) => value + 9);
    expectNear("y", await y.data(), product(part, w.map(round), 4, 7, 3, "nt"), [4, 7], TOLERANCE);
    expectNear("dw", await weight.grad.data(), dw, [7, 3], TOLERANCE);
    const dx = (await tape.gradient(x)!.data()).subarray(6, 18);
    expectNear("dx", dx, product(dy, w.map(round), 4, 3, 7, "nn"), [4, 3], TOLERANCE);
  });

  test("experts: halfGroupedLinear, forward and backward", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const [counts, R, I, O] = [[5, 0, 70, 1], 80, 35, 17];
    const E = counts.length;
    const offsets = [0, 5, 5, 75, 76];
    const values = [normals(R * I, 6), normals(E * O * I, 7), normals(R * O, 8)].map((v) => v.map(round));
    const [xs, ws, dys] = values as [Float64Array, Float64Array, Float64Array];
    const x = tape.watch(gpu.tensor(xs, [R, I]));
    const w = tape.watch(gpu.tensor(ws, [E, O, I]));
    const groups = createRowGroups(gpu.tensor(offsets, [E + 1], "u32"), R);
    const y = halfGroupedLinear(dtype, { gradientScale: 1 })(x, w, groups);
    tape.backwardFrom([[y, gpu.tensor(dys, [R, O])]]);
    const got = { y: await y.data(), dx: await tape.gradient(x)!.data(), dw: await tape.gradient(w)!.data() };
    for (const [e, n] of counts.entries()) {
      const from = offsets[e]!;
      const rows = (of: ArrayLike<number>, width: number): Float64Array =>
        Float64Array.from(of).subarray(from * width, (from + n) * width);
      const we = ws.subarray(e * O * I, (e + 1) * O * I);
      const dwe = got.dw.subarray(e * O * I, (e + 1) * O * I);
      expectNear(`y of ${e}`, rows(got.y, O), product(rows(xs, I), we, n, O, I, "nt"), [n, O], TOLERANCE);
      expectNear(`dx of ${e}`, rows(got.dx, I), product(rows(dys, O), we, n, I, O, "nn"), [n, I], TOLERANCE);
      expectNear(`dw of ${e}`, dwe, product(rows(dys, O), rows(xs, I), O, I, n, "tn"), [O, I], TOLERANCE);
    }
  });
});

test("a linear keeps the halves of its operands alone, and leaves no buffer behind", () => {
  const { gpu } = device;
  const before = gpu.stats.liveBuffers;
  {
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const [x, w] = [gpu.full([64, 64], 1), tape.watch(gpu.full([64, 64], 1))];
    let y: Tensor | undefined;
    {
      using inner = gpu.scope();
      y = inner.keep(halfLinear("bf16")(x, w));
    }
    // x, w, y, and the halves of x and w.
    expect(gpu.stats.liveBuffers - before).toBe(5);
    tape.backward(y);
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});

test("refuses other formats, scales without meaning, and integers", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  expect(() => halfLinear("f8" as "f16")).toThrow("halfLinear: dtype: expected f16 or bf16, got f8.");
  expect(() => halfGroupedLinear("f16", { gradientScale: 0 })).toThrow(
    "halfGroupedLinear: gradientScale: expected a positive number, got 0.",
  );
  const ids = gpu.tensor(integers(4, 3, 1), [2, 2], "i32");
  expect(() => halfLinear("f16")(ids, gpu.zeros([2, 2]))).toThrow(
    "cast: x: expected f32, f16 or bf16, got [2, 2] i32.",
  );
});
