import { fp8Linears } from "@ds3/fp8";
import { Arena, type Gpu, halfLinear, openGpu, record, type TapeNode, type Tensor } from "@ds3/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keptKind, weightCopies } from "./kept-kind.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

test("what a loss, norms or attention read is theirs, though a product reads it, too", () => {
  expect(keptKind(new Set(["matmul nt", "crossEntropy"]))).toBe("loss");
  expect(keptKind(new Set(["matmul nt", "addRmsNorm"]))).toBe("norms");
  expect(keptKind(new Set(["flashAttention", "fp8Linear"]))).toBe("attention");
  expect(keptKind(new Set(["fp8GroupedGatedLinear"]))).toBe("products in FP8");
  expect(keptKind(new Set(["halfLinear bf16"]))).toBe("products of halves");
  expect(keptKind(new Set(["groupedMatmul"]))).toBe("products in f32");
  expect(keptKind(new Set(["route"]))).toBe("routing and the rest");
});

/** The node that a layer of 256 inputs and outputs records for 256 tokens: all its matrices have one shape. */
function nodeOf(layer: (x: Tensor, weight: Tensor) => Tensor): TapeNode {
  using _scope = gpu.scope("layer");
  const weight = new Arena(gpu, [{ name: "w", shape: [256, 256], decay: true }]).get("w");
  using tape = gpu.tape();
  const nodes: TapeNode[] = [];
  tape.recordAlways = (node) => void nodes.push(node);
  layer(gpu.zeros([256, 256]), weight);
  expect(nodes).toHaveLength(1);
  return nodes[0]!;
}

test("the weight's codes and scales are told from the input's, the weight's halves as well", () => {
  const fp8 = nodeOf(fp8Linears().linear);
  expect(weightCopies(fp8)).toEqual(fp8.saved.slice(2, 4));
  const half = nodeOf(halfLinear("bf16"));
  expect(weightCopies(half)).toEqual([half.saved[1]]);
});

test("a product of f32 keeps no copy of its weight", () => {
  const node = nodeOf((x, weight) => {
    record(gpu, { label: "matmul nt", inputs: [x, weight], outputs: [x], saved: [x, weight], backward: () => {} });
    return x;
  });
  expect(weightCopies(node)).toEqual([]);
});
