import { asArray, asObject, asString, type Json, type JsonObject } from "../json-reader.ts";

/** Finds the new id of a token, by how the vocabulary spells it. */
export type IdOf = (token: string) => number;

/** The sections of a tokenizer.json around the model, with the ids of a new vocabulary in post-processor and padding. */
export function remapSections(sections: JsonObject, idOf: IdOf): JsonObject {
  const { post_processor: processor = null, padding = null } = sections;
  return {
    ...sections,
    post_processor: processor === null ? null : remapProcessor(asObject(processor, "post_processor"), idOf),
    padding: padding === null ? null : remapPadding(asObject(padding, "padding"), idOf),
  };
}

function remapPadding(padding: JsonObject, idOf: IdOf): JsonObject {
  return { ...padding, pad_id: idOf(asString(padding.pad_token, "padding.pad_token")) };
}

function remapProcessor(processor: JsonObject, idOf: IdOf): JsonObject {
  if (processor.type === "Sequence") {
    const steps = asArray(processor.processors, "post_processor.processors");
    return { ...processor, processors: steps.map((step) => remapProcessor(asObject(step, "post_processor"), idOf)) };
  }
  if (processor.type === "TemplateProcessing") {
    const tokens = Object.entries(asObject(processor.special_tokens, "post_processor.special_tokens"));
    return {
      ...processor,
      special_tokens: Object.fromEntries(tokens.map(([name, entry]) => [name, remap(entry, idOf)])),
    };
  }
  const pair = (value: Json | undefined): Json => {
    const token = asString(asArray(value, "post_processor")[0], "post_processor");
    return [token, idOf(token)];
  };
  // BertProcessing and RobertaProcessing name their two tokens with their ids.
  return processor.sep === undefined ? processor : { ...processor, sep: pair(processor.sep), cls: pair(processor.cls) };
}

function remap(entry: Json, idOf: IdOf): Json {
  const object = asObject(entry, "post_processor.special_tokens");
  const tokens = asArray(object.tokens, "post_processor.special_tokens.tokens");
  return { ...object, ids: tokens.map((token) => idOf(asString(token, "post_processor.special_tokens.tokens"))) };
}
