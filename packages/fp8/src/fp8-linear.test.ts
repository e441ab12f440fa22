/** The layers against their f64 references. */
import { cast, createRowGroups, swiglu } from "@ds3/tensor";
import { normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { expectCombined, expectRows, uneven } from "../test/expect-rows.ts";
import { fp8GatedLinearRef, fp8LinearRef } from "./fp8-linear.ref.ts";
import { GRADIENT_FLOOR } from "./fp8-linear-parts.ts";
import { roundTilesRef, rowTilesRef } from "./fp8-linear-tiles.ref.ts";
import { fp8Linears } from "./fp8-linears.ts";

const device = useTestGpu();
const { linear, gatedLinear, groupedLinear, groupedGatedLinear } = fp8Linears();
/** f32 sums of f32 terms, as SwiGLU's gradient. */
const F32 = 1e-5;
/** Gradients as small as those of a mean over many tokens. */
const SMALL = 1e-7;

describe.each([
  [1, 7, 5],
  [13, 129, 127],
  [130, 256, 40],
  [257, 40, 260],
])("%i rows, %i -> %i", (T, I, O) => {
  const w = uneven(normals(O * I, 2), I, 0.02);
  const dy = uneven(normals(T * O, 3), O, SMALL);

  test.each([
    ["elsewhere", undefined, "plain"],
    ["behind attention", "o", "afterAttention"],
  ] as const)("linear, %s", async (_, site, kind) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const values = uneven(normals(T * I, 1), I);
    const want = fp8LinearRef(values, w, { inFeatures: I, kind });
    const x = tape.watch(gpu.tensor(values, [T, I]));
    const weight = tape.watch(gpu.tensor(w, [O, I]));
    const y = linear(x, weight, site);
    expect([y.shape, y.dtype]).toEqual([[T, O], "f32"]);
    tape.backward(y, gpu.tensor(dy, [T, O]));
    const gradients = want.backward(dy);
    expectRows("y", await y.data(), want.y, O);
    expectRows("dx", await tape.gradient(x)!.data(), gradients.x, I);
    expectRows("dw", await tape.gradient(weight)!.data(), gradients.weights, I);
  });

  test("gatedLinear", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const values = uneven(normals(T * 2 * I, 1), 2 * I);
    const hidden = await hiddenOf(values, T, I);
    const want = fp8GatedLinearRef(values, w, { inFeatures: I, hidden });
    const z = tape.watch(gpu.tensor(values, [T, 2 * I]));
    const weight = tape.watch(gpu.tensor(w, [O, I]));
    const y = gatedLinear(z, weight);
    tape.backward(y, gpu.tensor(dy, [T, O]));
    const gradients = want.backward(dy);
    expectRows("y", await y.data(), want.y, O);
    expectRows("dz", await tape.gradient(z)!.data(), gradients.z, 2 * I, F32);
    expectRows("dw", await tape.gradient(weight)!.data(), gradients.weights, I);
  });
});

describe.each([
  ["some without rows, one row, more than a tile, rows of none", [0, 0, 5, 6, 140], 143, 130, 37],
  ["one expert", [0, 129], 129, 40, 130],
  ["no rows at all", [0, 0, 0], 4, 5, 6],
] as const)("experts: %s", (_, offsets, R, I, O) => {
  const E = offsets.length - 1;
  const used = offsets[E]!;
  const w = uneven(normals(E * O * I, 5), I, 0.02);
  const dy = uneven(normals(R * O, 6), O, SMALL);

  test.each([
    ["gateUp", "dispatched"],
    ["down", "combined"],
  ] as const)("groupedLinear, %s", async (site, kind) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const values = uneven(normals(R * I, 4), I);
    const want = fp8LinearRef(values, w, { inFeatures: I, offsets, kind });
    const x = tape.watch(gpu.tensor(values, [R, I]));
    const weights = tape.watch(gpu.tensor(w, [E, O, I]));
    const groups = createRowGroups(gpu.tensor(offsets, [E + 1], "u32"), R);
    const y = groupedLinear(x, weights, groups, site);
    expect([y.shape, y.dtype]).toEqual([[R, O], site === "down" ? "bf16" : "f32"]);
    tape.backward(y, gpu.tensor(dy, [R, O]));
    const gradients = want.backward(dy);
    const [expectY, expectX] = site === "down" ? [expectCombined, expectRows] : [expectRows, expectCombined];
    const dx = await tape.gradient(x)!.data();
    const rows = await cast(y, "f32").data();
    expectY("y", rows.subarray(0, used * O), want.y.subarray(0, used * O), O);
    expectX("dx", dx.subarray(0, used * I), gradients.x.subarray(0, used * I), I);
    expectRows("dw", await tape.gradient(weights)!.data(), gradients.weights, I);
  });

  test("groupedGatedLinear", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const values = uneven(normals(R * 2 * I, 4), 2 * I);
    const hidden = await hiddenOf(values, R, I);
    const want = fp8GatedLinearRef(values, w, { inFeatures: I, offsets, hidden, combined: true });
    const z = tape.watch(gpu.tensor(values, [R, 2 * I]));
    const weights = tape.watch(gpu.tensor(w, [E, O, I]));
    const groups = createRowGroups(gpu.tensor(offsets, [E + 1], "u32"), R);
    const y = groupedGatedLinear(z, weights, groups);
    expect([y.shape, y.dtype]).toEqual([[R, O], "bf16"]);
    const combined = await cast(y, "f32").data();
    tape.backward(y, gpu.tensor(dy, [R, O]));
    const gradients = want.backward(dy);
    const dz = await tape.gradient(z)!.data();
    expectCombined("y", combined.subarray(0, used * O), want.y.subarray(0, used * O), O);
    expectRows("dz", dz.subarray(0, used * 2 * I), gradients.z.subarray(0, used * 2 * I), 2 * I, F32);
    expectRows("dw", await tape.gradient(weights)!.data(), gradients.weights, I);
  });
});

test("gradients below the floor: the factor of their products is a normal number, which no adapter flushes", async () => {
  const [dyScale, wScale] = [GRADIENT_FLOOR, 1e-4].map((floor) => Math.fround(Math.fround(floor) / 448)) as [
    number,
    number,
  ];
  expect(dyScale * wScale).toBeGreaterThanOrEqual(2 ** -126);
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.zeros([1, 128]));
  const w = Float32Array.from({ length: 128 }, (_, i) => (i % 2 ? 240 : 120) * wScale);
  const y = linear(x, gpu.tensor(w, [1, 128]));
  // Codes 240, 120 and 0.875: nothing is rounded.
  tape.backward(y, gpu.full([1, 1], 0.875 * dyScale));
  const want = Float64Array.from(w, (value) => value * 0.875 * dyScale);
  expectRows("dx", await tape.gradient(x)!.data(), want, 128);
});

test("one scale a tensor: dense and experts", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const whole = fp8Linears({ scaling: "tensor" });
  const [R, I, O] = [140, 136, 20];
  const [values, w, dy] = [uneven(normals(R * I, 1), I), uneven(normals(2 * O * I, 2), I), normals(R * O, 3)];
  const dys = dy.map((value) => Math.fround(value * SMALL));
  const offsets = [0, 6, R];
  for (const kind of ["afterAttention", "dispatched"] as const) {
    using tape = gpu.tape();
    const experts = kind === "dispatched";
    const x = tape.watch(gpu.tensor(values, [R, I]));
    const weight = tape.watch(gpu.tensor(experts ? w : w.subarray(0, O * I), experts ? [2, O, I] : [O, I]));
    const groups = createRowGroups(gpu.tensor(offsets, [3], "u32"), R);
    const y = experts ? whole.groupedLinear(x, weight, groups) : whole.linear(x, weight, "o");
    tape.backward(y, gpu.tensor(dys, [R, O]));
    const options = { inFeatures: I, kind, whole: true, ...(experts ? { offsets } : {}) };
    const want = fp8LinearRef(values, experts ? w : w.slice(0, O * I), options);
    const gradients = want.backward(dys);
    expectRows("y", await y.data(), want.y, O);
    (experts ? expectCombined : expectRows)("dx", await tape.gradient(x)!.data(), gradients.x, I);
    expectRows("dw", await tape.gradient(weight)!.data(), gradients.weights, I);
  }
});

/** swiglu(z) and swiglu of what FP8 leaves of z, as this device computes them. */
async function hiddenOf(z: Float64Array, rows: number, I: number) {
  const { gpu } = device;
  using _scope = gpu.scope();
  const decoded = roundTilesRef(z, 2 * I, rowTilesRef(rows, 2 * I));
  const [forward, backward] = [z, decoded].map((values) => swiglu(gpu.tensor(values, [rows, 2 * I])));
  return {
    forward: Float64Array.from(await forward!.data()),
    backward: Float64Array.from(await backward!.data()),
  };
}
