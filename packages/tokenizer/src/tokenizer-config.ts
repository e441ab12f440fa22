/** tokenizer_config.json: what stands beside tokenizer.json in a model's folder, the chat template above all. */
import { FormatError } from "@ds3/errors";
import { asArray, asObject, asString, describe, type Json, type JsonObject } from "./json-reader.ts";

/** What ds3 reads from and writes to tokenizer_config.json. */
export interface TokenizerConfig {
  readonly bosToken?: string | undefined;
  readonly eosToken?: string | undefined;
  readonly padToken?: string | undefined;
  readonly unkToken?: string | undefined;
  /** Whether transformers puts `bosToken` before each text; DeepSeek-V3's tokenizer.json itself adds nothing. */
  readonly addBosToken?: boolean | undefined;
  /** Whether transformers puts `eosToken` after each text. */
  readonly addEosToken?: boolean | undefined;
  /** Jinja text; of several named templates the one named "default". */
  readonly chatTemplate?: string | undefined;
  /** Named templates, `default` left out; written as a list. */
  readonly otherChatTemplates?: Readonly<Record<string, string>> | undefined;
  /** Tokens that the model takes at most; what tools use to cut texts. */
  readonly modelMaxLength?: number | undefined;
  /**
   * Whatever else stands in the file, by its own key, and what the fields above do not say in full: tokens given as
   * objects with their flags, null, numbers that are no count. Written back as it was read.
   */
  readonly others?: JsonObject | undefined;
}

const OP = "parseTokenizerConfig";
const TOKENS = { bosToken: "bos_token", eosToken: "eos_token", padToken: "pad_token", unkToken: "unk_token" } as const;
const SWITCHES = { addBosToken: "add_bos_token", addEosToken: "add_eos_token" } as const;

/**
 * Read the text of a tokenizer_config.json. A token may be a string, or an object with its `content`; `chat_template` a
 * string, or a list of {name, template}. What is read and written again says the same.
 * @throws FormatError naming the key at fault.
 */
export function parseTokenizerConfig(json: string): TokenizerConfig {
  const config = asObject(parseJson(json), "tokenizer_config.json", OP);
  const fields = fieldsOf(config);
  const others = othersOf(config, fields);
  return Object.keys(others).length === 0 ? fields : { ...fields, others };
}

function fieldsOf(config: JsonObject): TokenizerConfig {
  const entries: (readonly [string, unknown])[] = [
    ...Object.entries(TOKENS).map(([field, key]) => [field, tokenOf(config[key], key)] as const),
    ...Object.entries(SWITCHES).map(([field, key]) => [field, switchOf(config[key])] as const),
    ...Object.entries(templatesOf(config.chat_template)),
    ["modelMaxLength", lengthOf(config.model_max_length)],
  ];
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** The keys of which the fields do not say everything. */
function othersOf(config: JsonObject, fields: TokenizerConfig): JsonObject {
  const said = new Map(Object.entries(fieldsJson(fields)).map(([key, value]) => [key, JSON.stringify(value)]));
  return Object.fromEntries(Object.entries(config).filter(([key, value]) => said.get(key) !== JSON.stringify(value)));
}

/**
 * The text of a tokenizer_config.json that transformers' AutoTokenizer reads beside a tokenizer.json, its keys sorted as
 * transformers sorts them.
 *
 * Unless `others` names another class it is PreTrainedTokenizerFast: tokens are added around a text as tokenizer.json's
 * post-processor says.
 */
export function writeTokenizerConfig(config: TokenizerConfig): string {
  const { others = {} } = config;
  const defaults = { clean_up_tokenization_spaces: false, tokenizer_class: "PreTrainedTokenizerFast" };
  // Where `others` says the same in more words, a token with its flags, its words stay.
  const known = fieldsJson(fieldsOf(others));
  const isNew = ([key, value]: [string, Json]): boolean => JSON.stringify(known[key]) !== JSON.stringify(value);
  const fields = Object.entries(fieldsJson(config)).filter(isNew);
  const written: JsonObject = { ...defaults, ...others, ...Object.fromEntries(fields) };
  const sorted = Object.entries(written).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

/** The fields by the file's keys. */
function fieldsJson(config: TokenizerConfig): JsonObject {
  const names = Object.entries({ ...TOKENS, ...SWITCHES, modelMaxLength: "model_max_length" } as const);
  const entries = names.map(([field, key]) => [key, config[field as keyof typeof TOKENS]] as const);
  const templates = writeTemplates(config.chatTemplate, config.otherChatTemplates);
  const all: (readonly [string, Json | undefined])[] = [...entries, ["chat_template", templates]];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined)) as JsonObject;
}

function parseJson(json: string): Json {
  try {
    return JSON.parse(json) as Json;
  } catch (cause) {
    const actual = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError({ op: OP, operand: "tokenizer_config.json", expected: "valid JSON", actual, cause });
  }
}

function tokenOf(value: Json | undefined, key: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : asString(asObject(value, key, OP).content, `${key}.content`, OP);
}

function switchOf(value: Json | undefined): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/** A count of tokens; transformers writes 1e30 for "no limit". */
function lengthOf(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
}

function templatesOf(value: Json | undefined): Pick<TokenizerConfig, "chatTemplate" | "otherChatTemplates"> {
  if (value === undefined || value === null) return {};
  if (typeof value === "string") return { chatTemplate: value };
  if (!Array.isArray(value)) throw wrongTemplate(value);
  const named = asArray(value, "chat_template", OP).map((entry, index): [string, string] => {
    const path = `chat_template[${index}]`;
    const { name, template } = asObject(entry, path, OP);
    return [asString(name, `${path}.name`, OP), asString(template, `${path}.template`, OP)];
  });
  const others = named.filter(([name]) => name !== "default");
  const chatTemplate = named.find(([name]) => name === "default")?.[1];
  return { ...(chatTemplate !== undefined && { chatTemplate }), otherChatTemplates: Object.fromEntries(others) };
}

function wrongTemplate(value: Json): FormatError {
  const expected = "a string, or a list of {name, template}";
  return new FormatError({ op: OP, operand: "chat_template", expected, actual: describe(value) });
}

function writeTemplates(
  first: string | undefined,
  others: Readonly<Record<string, string>> = {},
): string | JsonObject[] | undefined {
  const named = Object.entries(others).map(([name, template]) => ({ name, template }));
  if (named.length === 0) return first;
  return first === undefined ? named : [{ name: "default", template: first }, ...named];
}
