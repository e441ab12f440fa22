import { FormatError } from "@ds3/errors";
import { asBoolean, asVariant, booleanOr } from "./json-fields.ts";
import { asArray, asId, asObject, asString, describe, type Json, type JsonObject } from "./json-reader.ts";
import { type PostProcessor, plainTemplate, type TemplatePiece } from "./post-processor.ts";
import { trimOffsets } from "./post-processors/trim-offsets.ts";
import { unsupported } from "./pre-tokenizer-json.ts";
import { oneOf, wholeNumber } from "./section-reader.ts";

/** One step of a post-processor; a step without a template leaves it to the others. */
interface Step {
  readonly template?: PostProcessor["template"];
  readonly trimOffsets?: PostProcessor["trimOffsets"];
}

/**
 * The post-processor that a tokenizer.json describes; null puts nothing around a text.
 *
 * Does: TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, and a Sequence of them with at most one
 * template, which is all that HF can run.
 * @throws UnsupportedTokenizerError naming another type or a second template; FormatError for a malformed field.
 */
export function parsePostProcessor(json: Json | undefined, path = "post_processor"): PostProcessor {
  const steps = flatten(json ?? null, path);
  const trims = steps.flatMap((step) => step.trimOffsets ?? []);
  const templates = steps.flatMap((step) => step.template ?? []);
  if (templates.length > 1) throw unsupported(path, "at most one step that adds tokens", json);
  return {
    template: templates[0] ?? plainTemplate,
    trimOffsets: (offsets, spell) => {
      for (const trim of trims) trim(offsets, spell);
    },
  };
}

function flatten(json: Json, path: string): Step[] {
  if (json === null) return [];
  const object = asObject(json, path);
  const { type } = object;
  if (type === "Sequence") {
    const list = asArray(object.processors, `${path}.processors`);
    return list.flatMap((item, i) => flatten(item, `${path}.processors[${i}]`));
  }
  const parse = typeof type === "string" && Object.hasOwn(parsers, type) ? parsers[type] : undefined;
  if (parse === undefined) throw unsupported(`${path}.type`, `Sequence, ${Object.keys(parsers).join(", ")}`, type);
  return [parse(object, path)];
}

const parsers: Readonly<Record<string, (json: JsonObject, path: string) => Step>> = {
  ByteLevel: (json, path) => {
    booleanOr(json.use_regex, `${path}.use_regex`, true); // nothing here depends on it, but HF refuses a malformed one
    return parseTrim(
      asBoolean(json.trim_offsets, `${path}.trim_offsets`),
      asBoolean(json.add_prefix_space, `${path}.add_prefix_space`),
    );
  },
  TemplateProcessing: parseTemplate,
  BertProcessing: (json, path) => {
    const [cls, sep] = around(json, path, 0);
    const single = [cls, { sequence: 0, typeId: 0 } as const, sep];
    return templates(single, [...single, { sequence: 1, typeId: 1 }, { ...sep, typeId: 1 }]);
  },
  RobertaProcessing: (json, path) => {
    const [cls, sep] = around(json, path, 0);
    const single = [cls, { sequence: 0, typeId: 0 } as const, sep];
    const trim = parseTrim(
      booleanOr(json.trim_offsets, `${path}.trim_offsets`, true),
      booleanOr(json.add_prefix_space, `${path}.add_prefix_space`, true),
    );
    return { ...templates(single, [...single, sep, { sequence: 1, typeId: 0 }, sep]), ...trim };
  },
};

function templates(single: readonly TemplatePiece[], pair: readonly TemplatePiece[]): Step {
  return { template: (isPair) => (isPair ? pair : single) };
}

function parseTrim(trim: boolean, addPrefixSpace: boolean): Step {
  return trim ? { trimOffsets: (offsets, spell) => trimOffsets(offsets, spell, addPrefixSpace) } : {};
}

type AddedPiece = Extract<TemplatePiece, { ids: readonly number[] }>;

/** `cls` and `sep` as Bert and Roberta spell them: [token, id]. */
function around(json: JsonObject, path: string, typeId: number): [AddedPiece, AddedPiece] {
  const [cls, sep] = ["cls", "sep"].map((key): AddedPiece => {
    const pair = asArray(json[key], `${path}.${key}`);
    if (pair.length !== 2) throw malformed(`${path}.${key}`, "a token and its id", json[key]);
    const [token, id] = pair;
    return { tokens: [asString(token, `${path}.${key}[0]`)], ids: [asId(id, `${path}.${key}[1]`)], typeId };
  });
  return [cls!, sep!];
}

function parseTemplate(json: JsonObject, path: string): Step {
  const specials = parseSpecials(json.special_tokens, `${path}.special_tokens`);
  const [single, pair] = (["single", "pair"] as const).map((key) =>
    asArray(json[key], `${path}.${key}`).map((item, i) => parsePiece(item, `${path}.${key}[${i}]`, specials, path)),
  );
  const stray = single!.findIndex((piece) => "sequence" in piece && piece.sequence === 1);
  if (stray >= 0) throw malformed(`${path}.single[${stray}]`, "no second text", "B");
  return templates(single!, pair!);
}

type Special = Omit<AddedPiece, "typeId">;

function parsePiece(json: Json, path: string, specials: ReadonlyMap<string, Special>, root: string): TemplatePiece {
  const { name, value } = asVariant(json, path, ["Sequence", "SpecialToken"]);
  const { id, type_id } = asObject(value, `${path}.${name}`);
  const typeId = wholeNumber(type_id, `${path}.${name}.type_id`);
  if (name === "Sequence") return { sequence: oneOf(id, ["A", "B"], `${path}.Sequence.id`) === "A" ? 0 : 1, typeId };
  const token = asString(id, `${path}.SpecialToken.id`);
  const special = specials.get(token);
  if (special !== undefined) return { ...special, typeId };
  throw malformed(`${root}.special_tokens[${JSON.stringify(token)}]`, "an object", undefined);
}

/** The tokens that a template may name, by their names. */
function parseSpecials(json: Json | undefined, path: string): ReadonlyMap<string, Special> {
  const entries = Object.entries(asObject(json, path));
  return new Map(entries.map(([name, entry]) => [name, parseSpecial(entry, `${path}[${JSON.stringify(name)}]`)]));
}

function parseSpecial(json: Json, path: string): Special {
  const entry = asObject(json, path);
  asString(entry.id, `${path}.id`); // the key is what counts, but HF asks for it
  const ids = asArray(entry.ids, `${path}.ids`).map((id) => asId(id, `${path}.ids`));
  const tokens = asArray(entry.tokens, `${path}.tokens`).map((token) => asString(token, `${path}.tokens`));
  if (ids.length === tokens.length) return { ids, tokens };
  throw malformed(`${path}.tokens`, `as many tokens as ids (${ids.length})`, entry.tokens);
}

function malformed(operand: string, expected: string, value: Json | undefined): FormatError {
  return new FormatError({ op: "parseTokenizer", operand, expected, actual: describe(value) });
}
