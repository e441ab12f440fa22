/**
 * Chat templates: Jinja text that turns messages into the one text that a model reads, as in Hugging Face's
 * tokenizer_config.json. Rendered by @huggingface/jinja with what transformers sets: blocks trimmed, `tools` and
 * `documents` none unless given, `raise_exception`, `strftime_now`, `tojson`, `{% generation %}` (which marks nothing
 * here: `encodeConversation` finds the assistant's parts by itself).
 */
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { ChatTemplateError } from "./chat-template-error.ts";
import { templateGlobals } from "./template-globals.ts";

/** One message of a conversation. */
export interface ChatMessage {
  /** "system", "user", "assistant", "tool", or what else a template knows. */
  readonly role: string;
  readonly content: string;
}

/** What `createChatTemplate` sets for every rendering. */
export interface ChatTemplateOptions {
  /** The template's `bos_token`. Default: undefined in the template, which renders as nothing. */
  readonly bosToken?: string | undefined;
  /** The template's `eos_token`. */
  readonly eosToken?: string | undefined;
  /** What messages of errors call the template, e.g. its file. Default "chat template". */
  readonly name?: string | undefined;
  /** Any other variable, spelled as the template spells it; functions, too, such as another `strftime_now`. */
  readonly [variable: string]: unknown;
}

/** What one rendering sets. */
export interface RenderOptions {
  /** End in what begins an assistant's message, for the model to go on from. Default false. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** JSON schemas of functions that the model may call. */
  readonly tools?: readonly unknown[] | undefined;
  /** Any other variable, spelled as the template spells it. */
  readonly [variable: string]: unknown;
}

/** A parsed chat template. */
export interface ChatTemplate {
  readonly source: string;
  /** What messages of errors call the template. */
  readonly name: string;
  /**
   * The text of some messages. @throws ChatTemplateError when the template raises an exception or cannot be evaluated.
   */
  render(messages: readonly ChatMessage[], options?: RenderOptions): string;
}

/**
 * Parse a chat template.
 * @throws ChatTemplateError naming the template when its text does not parse.
 */
export function createChatTemplate(source: string, options: ChatTemplateOptions = {}): ChatTemplate {
  const { bosToken, eosToken, name = "chat template", ...others } = options;
  const variables = withoutUndefined({ bos_token: bosToken, eos_token: eosToken, ...others });
  const blocks = { trim_blocks: true, lstrip_blocks: true }; // as transformers sets them
  const program = attempt("createChatTemplate", name, "Jinja that parses", () => parse(tokenize(source, blocks)));
  return {
    source,
    name,
    render: (messages, { addGenerationPrompt = false, tools, ...own } = {}) => {
      const given = { messages, tools: tools ?? null, documents: null, add_generation_prompt: addGenerationPrompt };
      const all = { ...variables, ...given, ...withoutUndefined(own) };
      return attempt("render", name, "messages that the template accepts", () => run(program, all));
    },
  };
}

function run(program: ReturnType<typeof parse>, variables: Record<string, unknown>): string {
  const scope = new Environment(templateGlobals()); // a scope of its own, where names may stand for others than outside
  for (const [name, value] of Object.entries(variables)) scope.set(name, value);
  return String(new Interpreter(scope).run(program).value);
}

function withoutUndefined(variables: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined));
}

/** Run a step of the Jinja library, which throws plain errors. */
function attempt<Result>(op: string, operand: string, expected: string, step: () => Result): Result {
  try {
    return step();
  } catch (cause) {
    const actual = cause instanceof Error ? cause.message : String(cause);
    throw new ChatTemplateError({ op, operand, expected, actual, cause });
  }
}
