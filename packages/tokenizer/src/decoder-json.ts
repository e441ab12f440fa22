import { FormatError } from "@ds3/errors";
import { bpeStep } from "./decoders/bpe-step.ts";
import { byteFallbackStep } from "./decoders/byte-fallback-step.ts";
import { byteLevelStep } from "./decoders/byte-level-step.ts";
import { createDecoder, joinBySpaces } from "./decoders/create-decoder.ts";
import { ctcStep } from "./decoders/ctc-step.ts";
import type { Decoder } from "./decoders/decoder.ts";
import { fuseStep } from "./decoders/fuse-step.ts";
import { metaspaceStep } from "./decoders/metaspace-step.ts";
import { replaceRegexStep, replaceTextStep } from "./decoders/replace-step.ts";
import { stripStep } from "./decoders/strip-step.ts";
import type { DecoderStep } from "./decoders/token-sink.ts";
import { wordPieceStep } from "./decoders/word-piece-step.ts";
import { asBoolean, asCharacter, asCount, asPattern, booleanOr, byType, optionalBoolean } from "./json-fields.ts";
import { asArray, asObject, asString, describe, type Json, type JsonObject } from "./json-reader.ts";
import { fromOniguruma } from "./oniguruma-regex.ts";

type Parse = (json: JsonObject, path: string) => readonly DecoderStep[];

const parsers: Readonly<Record<string, Parse>> = {
  Sequence: (json, path) =>
    asArray(json.decoders, `${path}.decoders`).flatMap((item, i) => parseSteps(item, `${path}.decoders[${i}]`)),
  ByteLevel: (json, path) => {
    // Decoding asks none of these, but HF refuses a file where one is malformed.
    for (const key of ["add_prefix_space", "trim_offsets"]) asBoolean(json[key], `${path}.${key}`);
    booleanOr(json.use_regex, `${path}.use_regex`, true);
    return [byteLevelStep];
  },
  ByteFallback: () => [byteFallbackStep],
  Fuse: () => [fuseStep],
  Replace: (json, path) => [parseReplace(json, path)],
  Strip: (json, path) => [
    stripStep(
      asCharacter(json.content, `${path}.content`),
      asCount(json.start, `${path}.start`),
      asCount(json.stop, `${path}.stop`),
    ),
  ],
  Metaspace: (json, path) => [parseMetaspace(json, path)],
  WordPiece: (json, path) => [
    wordPieceStep(asString(json.prefix, `${path}.prefix`), asBoolean(json.cleanup, `${path}.cleanup`)),
  ],
  BPEDecoder: (json, path) => [bpeStep(asString(json.suffix, `${path}.suffix`))],
  CTC: (json, path) => [
    ctcStep({
      padToken: asString(json.pad_token, `${path}.pad_token`),
      wordDelimiterToken: asString(json.word_delimiter_token, `${path}.word_delimiter_token`),
      cleanup: asBoolean(json.cleanup, `${path}.cleanup`),
    }),
  ],
};

/**
 * The decoder that a tokenizer.json describes; without one, tokens are joined by spaces, as in HF.
 * @throws FormatError when a part is malformed; UnsupportedTokenizerError naming a part that is not known.
 */
export function parseDecoder(json: Json | undefined): Decoder {
  return createDecoder(json === undefined || json === null ? [joinBySpaces] : parseSteps(json, "decoder"));
}

function parseSteps(json: Json, path: string): readonly DecoderStep[] {
  const object = asObject(json, path);
  return byType(parsers, object.type, path)(object, path);
}

function parseReplace(json: JsonObject, path: string): DecoderStep {
  const content = asString(json.content, `${path}.content`);
  const { isRegex, source } = asPattern(json.pattern, `${path}.pattern`);
  return isRegex ? replaceRegexStep(fromOniguruma(source), content) : replaceTextStep(source, content);
}

function parseMetaspace(json: JsonObject, path: string): DecoderStep {
  const replacement = asCharacter(json.replacement, `${path}.replacement`);
  const { prepend_scheme: scheme = "always" } = json;
  if (scheme !== "always" && scheme !== "first" && scheme !== "never") {
    throw mismatch(`${path}.prepend_scheme`, '"always", "first" or "never"', scheme);
  }
  // Files older than prepend_scheme say add_prefix_space; HF refuses the two when they differ, and so do we.
  if (!optionalBoolean(json.add_prefix_space, `${path}.add_prefix_space`, true) && scheme !== "never") {
    throw mismatch(`${path}.add_prefix_space`, `true with prepend_scheme "${scheme}"`, false);
  }
  return metaspaceStep(replacement, scheme !== "never");
}

function mismatch(operand: string, expected: string, value: Json): FormatError {
  return new FormatError({ op: "parseTokenizer", operand, expected, actual: describe(value) });
}
