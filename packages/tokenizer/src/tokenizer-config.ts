/** tokenizer_config.json: what stands beside tokenizer.json in a model's folder, the chat template above all. */
import { FormatError } from "@ds3/errors";
import { asArray, asObject, asString, describe, type Json } from "./json-reader.ts";

/** What ds3 reads from and writes to tokenizer_config.json. */
export interface TokenizerConfig {
  readonly bosToken?: string | undefined;
  readonly eosToken?: string | undefined;
  readonly padToken?: string | undefined;
  readonly unkToken?: string | undefined;
  /** Jinja text; of several named templates the one named "default". */
  readonly chatTemplate?: string | undefined;
  /** Named templates, `default` left out; written as a list. */
  readonly otherChatTemplates?: Readonly<Record<string, string>> | undefined;
  /** Tokens that the model takes at most; what tools use to cut texts. */
  readonly modelMaxLength?: number | undefined;
}

const OP = "parseTokenizerConfig";
const TOKENS = { bosToken: "bos_token", eosToken: "eos_token", padToken: "pad_token", unkToken: "unk_token" } as const;

/**
 * Read the text of a tokenizer_config.json. Keys that ds3 has no use for are passed over; a token may be a string, or an
 * object with its `content`; `chat_template` a string, or a list of {name, template}.
 * @throws FormatError naming the key at fault.
 */
export function parseTokenizerConfig(json: string): TokenizerConfig {
  const config = asObject(parseJson(json), "tokenizer_config.json", OP);
  const tokens = Object.entries(TOKENS).map(([field, key]) => [field, tokenOf(config[key], key)]);
  const length = config.model_max_length;
  return Object.fromEntries(
    [...tokens, ...Object.entries(templatesOf(config.chat_template)), ["modelMaxLength", lengthOf(length)]].filter(
      ([, value]) => value !== undefined,
    ),
  ) as TokenizerConfig;
}

/**
 * The text of a tokenizer_config.json that transformers' AutoTokenizer reads beside a tokenizer.json.
 *
 * Its class is PreTrainedTokenizerFast: tokens are added around a text as tokenizer.json's post-processor says.
 */
export function writeTokenizerConfig(config: TokenizerConfig): string {
  const tokens = Object.entries(TOKENS).map(([field, key]) => [key, config[field as keyof typeof TOKENS]]);
  const entries = Object.fromEntries(tokens.filter(([, token]) => token !== undefined));
  const { modelMaxLength, chatTemplate, otherChatTemplates } = config;
  const written = {
    ...entries,
    chat_template: writeTemplates(chatTemplate, otherChatTemplates),
    clean_up_tokenization_spaces: false,
    model_max_length: modelMaxLength,
    tokenizer_class: "PreTrainedTokenizerFast",
  };
  return `${JSON.stringify(written, null, 2)}\n`;
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

function writeTemplates(first: string | undefined, others: Readonly<Record<string, string>> = {}): unknown {
  const named = Object.entries(others).map(([name, template]) => ({ name, template }));
  if (named.length === 0) return first;
  return first === undefined ? named : [{ name: "default", template: first }, ...named];
}
