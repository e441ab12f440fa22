import type { AddedToken } from "./added-tokens.ts";
import { parseDecoder } from "./decoder-json.ts";
import { parsePadding } from "./encoding/padding.ts";
import { parseTruncation } from "./encoding/truncation.ts";
import type { JsonObject } from "./json-reader.ts";
import type { ModelPart } from "./models/model-part.ts";
import { parseNormalizer } from "./normalizer-json.ts";
import { parsePostProcessor } from "./post-processor-json.ts";
import { parsePreTokenizer } from "./pre-tokenizer-json.ts";
import { Tokenizer } from "./tokenizer.ts";

/**
 * A tokenizer from the sections of a tokenizer.json, `model` and `added_tokens` apart from them: trainers bring their own.
 *
 * `createModel` is told whether the pre-tokenizer leaves it to the model to map bytes to their stand-ins;
 * `addedTokensOf` is given the model's vocabulary.
 * @throws FormatError when a section is malformed; UnsupportedTokenizerError naming a part that is not known.
 */
export function assembleTokenizer(
  { truncation, padding, ...sections }: JsonObject,
  createModel: (byteLevel: boolean) => ModelPart,
  addedTokensOf: (vocab: ReadonlyMap<string, number>) => readonly AddedToken[],
): Tokenizer {
  const preTokenizer = parsePreTokenizer(sections.pre_tokenizer);
  const model = createModel(preTokenizer.byteLevel);
  return new Tokenizer({
    normalizer: parseNormalizer(sections.normalizer),
    preTokenizer,
    postProcessor: parsePostProcessor(sections.post_processor),
    decoder: parseDecoder(sections.decoder),
    model,
    addedTokens: addedTokensOf(model.vocab),
    truncation: parseTruncation(truncation),
    padding: parsePadding(padding),
    sections,
  });
}
