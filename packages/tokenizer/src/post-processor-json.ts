import { asArray, asId, asObject, asString, type Json, type JsonObject } from "./json-reader.ts";
import { unsupported } from "./pre-tokenizer-json.ts";

/** Ids that a post-processor puts around one sequence. */
export interface Template {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * The template for one sequence that a tokenizer.json's post-processor describes. ByteLevel moves offsets only, so it
 * adds nothing.
 * @throws UnsupportedTokenizerError for another type than ByteLevel, TemplateProcessing or a Sequence of the two.
 */
export function parsePostProcessor(json: Json | undefined, path = "post_processor"): Template {
  if (json === undefined || json === null) return { before: [], after: [] };
  const processor = asObject(json, path);
  if (processor.type === "ByteLevel") return { before: [], after: [] };
  if (processor.type === "TemplateProcessing") return parseTemplate(processor, path);
  if (processor.type !== "Sequence") {
    throw unsupported(`${path}.type`, "ByteLevel, TemplateProcessing or Sequence", processor.type);
  }
  const templates = asArray(processor.processors, `${path}.processors`).map((item, i) =>
    parsePostProcessor(item, `${path}.processors[${i}]`),
  );
  return {
    before: templates.toReversed().flatMap((template) => template.before),
    after: templates.flatMap((template) => template.after),
  };
}

function parseTemplate(processor: JsonObject, path: string): Template {
  const specials = asObject(processor.special_tokens, `${path}.special_tokens`);
  const before: number[] = [];
  const after: number[] = [];
  let seenText = false;
  asArray(processor.single, `${path}.single`).forEach((item, i) => {
    const piece = asObject(item, `${path}.single[${i}]`);
    if (piece.SpecialToken === undefined) {
      if (seenText) throw unsupported(`${path}.single[${i}]`, "the text once", item);
      seenText = true;
      return;
    }
    const name = asString(asObject(piece.SpecialToken, `${path}.single[${i}]`).id, `${path}.single[${i}].id`);
    (seenText ? after : before).push(...idsOf(specials, name, path));
  });
  return { before, after };
}

function idsOf(specials: JsonObject, name: string, path: string): number[] {
  const at = `${path}.special_tokens[${JSON.stringify(name)}].ids`;
  return asArray(asObject(specials[name], at).ids, at).map((id) => asId(id, at));
}
