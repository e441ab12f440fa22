import { createDeepseek } from "@ds3/deepseek";
import { groupedMatmul, matmul, openGpu, type Tensor } from "@ds3/tensor";
import { expect, test } from "vitest";
import { productSizes } from "./product-sizes.ts";
import { studyConfig, studyPlan } from "./study-config.ts";

const { batchSize: batch, sequenceLength: length } = studyPlan;
const tokens = batch * length;
const config = studyConfig(studyPlan.vocabSize);

test("every product that is rounded sums over two tiles at least; an expert's wgrad does in the mean", () => {
  for (const { forward, dgrad, wgrad } of productSizes(config, tokens)) {
    expect(Math.min(forward, dgrad, wgrad)).toBeGreaterThanOrEqual(256);
  }
});

test("the list has every linear layer of the model, with the sizes that a pass over it has", async () => {
  await using gpu = await openGpu();
  const seen = new Set<string>();
  const note = (x: Tensor, weight: Tensor): void => {
    const [E = 1, ...sizes] = weight.shape.length === 3 ? weight.shape : [1, ...weight.shape];
    seen.add(`${sizes[1]} ${sizes[0]} ${x.shape[0]! / E}`);
  };
  const model = createDeepseek(gpu, config, {
    linear: (x, weight) => {
      note(x, weight);
      return matmul(x, weight, { layout: "nt" });
    },
    groupedLinear: (x, weights, groups) => {
      note(x, weights);
      return groupedMatmul(x, weights, groups);
    },
  });
  using _scope = gpu.scope();
  model.forward({ inputs: new Int32Array(tokens), batch, length });
  const listed = productSizes(config, tokens).map(({ forward, dgrad, wgrad }) => `${forward} ${dgrad} ${wgrad}`);
  expect([...seen].sort()).toEqual([...new Set(listed)].sort());
});
