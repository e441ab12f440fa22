import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { didYouMean, FormatError } from "@ds3/errors";
import { parseTokenizerConfig, type TokenizerConfig } from "../tokenizer-config.ts";
import { ChatTemplateError } from "./chat-template-error.ts";
import { type ChatTemplate, createChatTemplate } from "./create-chat-template.ts";

const OP = "loadChatTemplate";

/** Options of `loadChatTemplate`. */
export interface LoadChatTemplateOptions {
  /** Which of several named templates, such as "tool_use". Default "default". */
  readonly template?: string;
}

/**
 * The chat template of a model's folder: chat_template.jinja where there is one, else tokenizer_config.json's
 * `chat_template`; bos_token and eos_token are tokenizer_config.json's.
 * @throws ChatTemplateError when the folder has no such template, naming those it has, or one that does not parse;
 * FormatError when a file cannot be read or is damaged.
 */
export async function loadChatTemplate(folder: string, options: LoadChatTemplateOptions = {}): Promise<ChatTemplate> {
  const [path, file] = [join(folder, "tokenizer_config.json"), join(folder, "chat_template.jinja")];
  const [json, jinja] = await Promise.all([readIfThere(path), readIfThere(file)]);
  const config = json === undefined ? {} : parseTokenizerConfig(json);
  const { template = "default" } = options;
  const templates = templatesOf(config, jinja);
  const source = templates.get(template);
  if (source === undefined) throw noTemplate(folder, template, [...templates.keys()]);
  const name = template === "default" && jinja !== undefined ? file : `${path}'s chat_template`;
  return createChatTemplate(source, { bosToken: config.bosToken, eosToken: config.eosToken, name });
}

function templatesOf(config: TokenizerConfig, jinja: string | undefined): Map<string, string> {
  const templates = new Map(Object.entries(config.otherChatTemplates ?? {}));
  const first = jinja ?? config.chatTemplate;
  return first === undefined ? templates : templates.set("default", first);
}

function noTemplate(folder: string, name: string, known: readonly string[]): ChatTemplateError {
  return new ChatTemplateError({
    op: OP,
    operand: folder,
    expected: `a chat template named "${name}" in chat_template.jinja or tokenizer_config.json`,
    actual: known.join(", ") || "none",
    hint: known.length > 0 ? didYouMean(name, known) : "Give a template: createChatTemplate(source).",
  });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ENOENT") return undefined;
    const actual = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError({ op: OP, operand: path, expected: "a readable file", actual, cause });
  }
}
