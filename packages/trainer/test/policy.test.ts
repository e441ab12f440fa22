import type { DeepseekModel, TokenBatch } from "@ds3/deepseek";
import { expectTypeOf, test } from "vitest";
import type { LanguageModel, Policy, TokenRows } from "../src/index.ts";

test("a DeepseekModel is a policy and a language model as it is", () => {
  expectTypeOf<DeepseekModel>().toExtend<Policy>();
  expectTypeOf<DeepseekModel>().toExtend<LanguageModel>();
  expectTypeOf<TokenRows>().toExtend<TokenBatch>();
  // The check would say so: without its logits it is none.
  expectTypeOf<Omit<DeepseekModel, "logits">>().not.toExtend<Policy>();
});
