import { createDeepseek, deepseekV3 } from "@ds3/deepseek";
import { type Fp8Linears, fp8Linears } from "@ds3/fp8";
import { type Gpu, groupedMatmul, matmul, openGpu, swiglu } from "@ds3/tensor";
import { expect, test } from "vitest";
import { plantOutliers } from "./planted-outliers.ts";

const config = deepseekV3("tiny", {
  ...{ vocabSize: 64, hiddenSize: 128, qLoraRank: 128, kvLoraRank: 128, numHiddenLayers: 2, numNextnPredictLayers: 0 },
  initializerRange: 0.1,
});
const [batch, length] = [1, 32];
const inputs = Int32Array.from({ length }, (_, i) => (i * i + 3 * i) % 64);
const targets = Int32Array.from({ length }, (_, i) => (5 * i + 1) % 64);

const exact: Fp8Linears = {
  linear: (x, weight) => matmul(x, weight, { layout: "nt" }),
  gatedLinear: (z, weight) => matmul(swiglu(z), weight, { layout: "nt" }),
  groupedLinear: (x, weights, groups) => groupedMatmul(x, weights, groups),
  groupedGatedLinear: (z, weights, groups) => groupedMatmul(swiglu(z), weights, groups),
};

/** Loss and all gradients of one pass. */
async function pass(gpu: Gpu, linears: Fp8Linears): Promise<{ loss: number; gradients: Float32Array[] }> {
  const model = createDeepseek(gpu, config, { seed: 3, ...linears });
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const { total } = model.loss({ inputs, targets, batch, length });
  tape.backward(total);
  const [loss] = await total.data();
  const gradients = await Promise.all(model.arena.segments.map(({ gradients: grad }) => grad.data()));
  return { loss: Number(loss), gradients: gradients as Float32Array[] };
}

test("in f32 loss and gradients stay the same bit for bit, however large the outliers", async () => {
  await using gpu = await openGpu();
  const plain = await pass(gpu, exact);
  expect(plain.gradients[0]!.some((value) => value !== 0)).toBe(true);
  for (const factor of [2 ** 4, 2 ** 16]) {
    expect(await pass(gpu, plantOutliers(gpu, exact, { width: 128, factor }))).toEqual(plain);
  }
});

test("in FP8 they cost: small ones little, large ones the precision of their tiles", async () => {
  await using gpu = await openGpu();
  const { loss } = await pass(gpu, exact);
  const errorOf = async (factor: number): Promise<number> => {
    const rounded = await pass(gpu, plantOutliers(gpu, fp8Linears(), { width: 128, factor }));
    return Math.abs(rounded.loss / loss - 1);
  };
  const [small, large] = [await errorOf(2), await errorOf(2 ** 20)];
  expect(small).toBeLessThan(0.01);
  expect(large).toBeGreaterThan(small);
});
