import { type Precision, precisions } from "@ds3/deepseek";
import type { OptimizerOptions } from "@ds3/trainer";
import { choice, type Flag } from "./parse-flags.ts";

/** What the products of a model's linear layers read while it learns; weights and files stay f32. */
export const precisionFlag: Flag<Precision> = choice("what products of linear layers read", precisions, "f32");

/** AdamW beside a precision: as in DeepSeek-V3's FP8 training its moments are kept in bf16 then, else in f32. */
export function optimizerFor(precision: Precision): OptimizerOptions {
  return { moments: precision === "fp8" ? "bf16" : "f32" };
}
