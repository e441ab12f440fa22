import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mtpLossRef } from "@ds3/mtp/reference";
import { crossEntropyBackwardRef, crossEntropyRef } from "@ds3/tensor/reference";
import { parseSafetensors } from "@ds3/tensor/safetensors";
import {
  checkGradient,
  expectExact,
  expectStored,
  type Fixture,
  type FixtureMeta,
  integers,
  normals,
  testFixtures,
  toFloat64,
} from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { checkpointTensors } from "./checkpoint-names.ts";
import type { DeepseekConfig } from "./config.ts";
import { type ModelRefGradients, type ModelRefWeights, modelRef, mtpDepthRef } from "./model.ref.ts";
import { parseConfig } from "./parse-config.ts";
import { deepseekV3 } from "./presets.ts";

/** Config and weights of the checkpoint beside a fixture. */
function checkpointBeside(base: string): { config: DeepseekConfig; weights: ModelRefWeights } {
  const folder = dirname(base);
  const config = parseConfig(JSON.parse(readFileSync(join(folder, "config.json"), "utf8")));
  const tensors = parseSafetensors(readFileSync(join(folder, "model.safetensors")));
  return { config, weights: Object.fromEntries([...tensors].map(([name, tensor]) => [name, toFloat64(tensor)])) };
}

function expectGradients(fixture: Fixture, grads: ModelRefGradients): void {
  const names = fixture.names.filter((name) => name.startsWith("grad."));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expectStored(fixture, name, grads[name.slice("grad.".length)]);
}

const isPlain = ({ config }: FixtureMeta) => !("quantization_config" in config);

testFixtures("model", "whole model", isPlain, (fixture, base) => {
  const { config, weights } = checkpointBeside(base);
  const ids = fixture.i32("input_ids");
  const [batch, length] = fixture.tensor("input_ids").shape;
  const model = modelRef(config, weights, ids, { batch, length });
  expectStored(fixture, "logits", model.logits);
  expectStored(fixture, "hidden.embed", model.layerInputs[0]);
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    expectStored(fixture, `hidden.layer${layer}`, model.layerInputs[layer + 1]);
  }
  expectStored(fixture, "hidden.final_norm", model.normed);
  expect(model.moe.size).toBe(config.numHiddenLayers - config.firstKDenseReplace);
  for (const [layer, { route }] of model.moe) {
    expectExact(fixture, `experts.layer${layer}`, sortRows(route.indices, config.numExpertsPerTok));
  }
  const labels = Array.from(ids, (_, i) => (i % length === length - 1 ? -100 : ids[i + 1]));
  const options = { vocabSize: config.vocabSize };
  expectStored(fixture, "loss", [crossEntropyRef(model.logits, labels, options).loss]);
  const grads: ModelRefGradients = {};
  model.backward({ logits: crossEntropyBackwardRef(1, model.logits, labels, options) }, grads);
  expectGradients(fixture, grads);
});

function sortRows(values: Int32Array, columns: number): number[] {
  const rows = Array.from({ length: values.length / columns }, (_, t) => values.slice(t * columns, (t + 1) * columns));
  return rows.flatMap((row) => [...row.sort()]);
}

testFixtures("mtp", "model with prediction modules", isPlain, (fixture, base) => {
  const { config, weights } = checkpointBeside(base);
  const {
    T: length,
    mtp_lambda: mtpLossWeight,
    variant,
  } = fixture.meta.config as { T: number; mtp_lambda: number; variant: "raw" };
  const tokens = fixture.i32("tokens");
  const batch = tokens.length / (length + 1);
  const columns = (from: number) =>
    Int32Array.from(
      { length: batch * length },
      (_, i) => tokens[Math.floor(i / length) * (length + 1) + (i % length) + from],
    );
  const [inputIds, labels] = [columns(0), columns(1)];
  const model = modelRef(config, weights, inputIds, { batch, length });
  const main = crossEntropyRef(model.logits, labels, config);
  expectStored(fixture, "main_logits", model.logits);
  expectStored(fixture, "main_loss", [main.loss]);

  const grads: ModelRefGradients = {};
  const depths = Array.from({ length: config.numNextnPredictLayers }, (_, i) =>
    mtpDepthRef(config, weights, i + 1, grads),
  );
  const parameters = {
    embedding: weights["model.embed_tokens.weight"],
    head: weights["lm_head.weight"],
    modules: depths.map(({ module }) => module),
    blocks: depths.map(({ block }) => block),
  };
  const run = (mtpLossDenominator: "T" | "T-k") =>
    mtpLossRef({ ...config, mtpHidden: variant, mtpLossWeight, mtpLossDenominator }, parameters, {
      batch,
      length,
      inputIds,
      labels,
      hidden: variant === "raw" ? model.hidden : model.normed,
    });
  const paper = run("T");
  expectStored(
    fixture,
    "mtp_losses_paper",
    paper.depths.map(({ loss }) => loss),
  );
  expectStored(
    fixture,
    "mtp_losses_mean",
    run("T-k").depths.map(({ loss }) => loss),
  );
  expectStored(fixture, "mtp_loss", [paper.loss]);
  expectStored(fixture, "total_loss", [main.loss + paper.loss]);
  paper.depths.forEach(({ hidden, logits }, i) => {
    expectStored(fixture, `hidden.${i + 1}`, hidden);
    expectStored(fixture, `logits.${i + 1}`, logits);
  });

  const mtp = paper.backward();
  const own = { enorm: "enorm", hnorm: "hnorm", ehProj: "eh_proj", sharedHeadNorm: "shared_head.norm" } as const;
  mtp.modules.forEach((module, i) => {
    for (const [field, name] of Object.entries(own)) {
      grads[`model.layers.${config.numHiddenLayers + i}.${name}.weight`] = module[field as keyof typeof own];
    }
  });
  grads["model.embed_tokens.weight"] = mtp.embedding;
  grads["lm_head.weight"] = mtp.head;
  const gradLogits = crossEntropyBackwardRef(1, model.logits, labels, config);
  model.backward({ logits: gradLogits, [variant === "raw" ? "hidden" : "normed"]: mtp.hidden }, grads);
  expectGradients(fixture, grads);
});

testFixtures(
  "align",
  "packed documents",
  ({ tensors }) => "segment_ids" in tensors,
  (fixture, base) => {
    expect(existsSync(join(dirname(base), "config.json"))).toBe(true);
    const { config, weights } = checkpointBeside(base);
    const ids = fixture.i32("input_ids");
    const [positions, documents] = [fixture.i32("position_ids"), fixture.i32("segment_ids")];
    const model = modelRef(config, weights, ids, { batch: 1, length: ids.length, positions, documents });
    const labels = fixture.i32("labels");
    expectStored(fixture, "logits", model.logits);
    expectStored(fixture, "loss", [crossEntropyRef(model.logits, labels, config).loss]);
    const grads: ModelRefGradients = {};
    model.backward({ logits: crossEntropyBackwardRef(1, model.logits, labels, config) }, grads);
    expectGradients(fixture, grads);
  },
);

test("gradient of a whole small model", () => {
  const config = deepseekV3("tiny", {
    vocabSize: 11,
    hiddenSize: 8,
    intermediateSize: 6,
    moeIntermediateSize: 4,
    numHiddenLayers: 2,
    numNextnPredictLayers: 0,
    numAttentionHeads: 2,
    qLoraRank: 5,
    kvLoraRank: 4,
    qkNopeHeadDim: 3,
    qkRopeHeadDim: 2,
    vHeadDim: 3,
    nRoutedExperts: 4,
  });
  const tensors = checkpointTensors(config);
  const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const draw = (kind: string) => tensors.filter((tensor) => (tensor.kind === "buffer") === (kind === "buffer"));
  const arrays = (kind: string) =>
    Object.fromEntries(
      draw(kind).map(({ name, shape }, i) => [name, normals(sizeOf(shape), i).map((value) => value / 2)]),
    );
  const buffers = arrays("buffer");
  const [ids, labels] = [integers(6, 11, 1), integers(6, 11, 2)];
  const run = (weights: ModelRefWeights) => modelRef(config, { ...weights, ...buffers }, ids, { batch: 2, length: 3 });
  checkGradient(
    (weights: ModelRefGradients) => crossEntropyRef(run(weights).logits, labels, config).loss,
    (weights) => {
      const model = run(weights);
      const grads: ModelRefGradients = {};
      model.backward({ logits: crossEntropyBackwardRef(1, model.logits, labels, config) }, grads);
      return grads;
    },
    arrays("parameter"),
    { samples: 4 },
  );
});
