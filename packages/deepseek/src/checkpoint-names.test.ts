import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FormatError } from "@ds3/errors";
import { parseSafetensors } from "@ds3/tensor/safetensors";
import { fixturesRoot, skipVisibly } from "@ds3/testing/reference";
import { describe, expect, test } from "vitest";
import { CheckpointError, checkStrict, type FoundTensor } from "./check-strict.ts";
import { checkpointTensors } from "./checkpoint-names.ts";
import { parseConfig } from "./parse-config.ts";
import { deepseekV3 } from "./presets.ts";
import { withScales } from "./stored-values.ts";

const config = deepseekV3("tiny");
const wanted = checkpointTensors(config);
const whole = () => new Map<string, FoundTensor>(wanted.map(({ name, shape }) => [name, { shape }]));

function differenceOf(found: ReadonlyMap<string, FoundTensor>): CheckpointError {
  try {
    checkStrict(found, wanted);
  } catch (error) {
    expect(FormatError.is(error) && CheckpointError.is(error)).toBe(true);
    return error as CheckpointError;
  }
  throw new Error("nothing was thrown");
}

test("names and shapes of the released layout", () => {
  const v3 = new Map(checkpointTensors(deepseekV3("v3-671b")).map((tensor) => [tensor.name, tensor]));
  expect(v3.get("model.layers.0.mlp.down_proj.weight")!.shape).toEqual([7168, 18432]);
  expect(v3.get("model.layers.3.mlp.experts.255.up_proj.weight")).toMatchObject({
    shape: [2048, 7168],
    kind: "expert",
  });
  expect(v3.get("model.layers.60.mlp.gate.e_score_correction_bias")).toMatchObject({ shape: [256], kind: "buffer" });
  expect(v3.get("model.layers.60.self_attn.kv_a_proj_with_mqa.weight")!.shape).toEqual([576, 7168]);
  expect(v3.get("model.layers.61.eh_proj.weight")!.shape).toEqual([7168, 14336]);
  expect(v3.get("model.layers.61.shared_head.head.weight")).toMatchObject({ kind: "copy", copyOf: "lm_head.weight" });
  expect(v3.has("model.layers.62.eh_proj.weight")).toBe(false);
});

test("no name occurs twice", () => {
  expect(whole().size).toBe(wanted.length);
});

test("an exact checkpoint passes", () => {
  expect(() => checkStrict(whole(), wanted)).not.toThrow();
});

test("missing, extra and misshaped tensors are all named", () => {
  const found = whole();
  found.delete("model.norm.weight");
  found.set("model.nrom.weight", { shape: [64] });
  found.set("lm_head.weight", { shape: [64, 768] });
  const error = differenceOf(found);
  expect(error.missing).toEqual(["model.norm.weight"]);
  expect(error.extra).toEqual(["model.nrom.weight"]);
  expect(error.misshaped).toEqual([{ name: "lm_head.weight", expected: [768, 64], actual: [64, 768] }]);
  expect(error.message).toMatch(
    /1 missing: model.norm.weight; 1 extra: model.nrom.weight; 1 misshaped: lm_head.weight \[64,768\]/,
  );
  expect(error.message).toMatch(/Did you mean "model.norm.weight"/);
});

test("of many, ten are listed and the rest counted", () => {
  const error = differenceOf(new Map());
  expect(error.missing.length).toBe(wanted.length);
  expect(error.message).toContain(`${wanted.length} missing: model.embed_tokens.weight, `);
  expect(error.message).toContain(`and ${wanted.length - 10} more`);
});

test("a checkpoint without its prediction layers says which key to set", () => {
  const found = new Map([...whole()].filter(([name]) => !name.startsWith(`model.layers.${config.numHiddenLayers}.`)));
  expect(differenceOf(found).hint).toMatch(/num_nextn_predict_layers to 0/);
});

test("block scales beside a weight that is not FP8 are too many", () => {
  const found = whole().set("model.layers.0.mlp.up_proj.weight_scale_inv", { shape: [1, 1] });
  expect(differenceOf(found).hint).toMatch(/Block scales belong to weights in FP8/);
});

describe("external checkpoints hold exactly the tensors of their config", () => {
  const root = fixturesRoot();
  if (root === undefined) skipVisibly("checkpoints: no external fixtures (set DS3_FIXTURES)");
  const files = root === undefined ? [] : (readdirSync(root, { recursive: true }) as string[]);
  const folders = files
    .filter((file) => /(^|\/)model\.safetensors$/.test(file))
    .map((file) => join(root!, dirname(file)));
  test.each(folders.filter((folder) => existsSync(join(folder, "config.json"))))("%s", (folder) => {
    const stored = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    const found = parseSafetensors(readFileSync(join(folder, "model.safetensors")));
    const tensors = withScales(checkpointTensors(parseConfig(stored)), found);
    expect(() => checkStrict(found, tensors)).not.toThrow();
    expect(found.size).toBe(tensors.length);
  });
});
