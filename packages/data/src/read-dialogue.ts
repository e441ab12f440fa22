/**
 * What the forms of records have in common: messages, and a reply or answer beside them.
 *
 * Sources: the `messages` of OpenAI and TRL, ShareGPT's `conversations`, alpaca's `instruction`, `input`, `output` with
 * `history` and `system`, TRL's `prompt` and `completion`, GSM8K's `question` and `answer`.
 */
import {
  asFields,
  asMessages,
  asOptionalText,
  asText,
  asTurn,
  type ChatMessage,
  type Fields,
  wrongField,
} from "./record-fields.ts";

/** Messages of a record, and its reply in a key of its own, if any. */
export interface Dialogue {
  readonly messages: ChatMessage[];
  /** What an assistant says after `messages`, by alpaca's `output`, or `completion` and the like. */
  readonly reply: ChatMessage[] | undefined;
  readonly tools: readonly unknown[] | undefined;
}

type Form = (op: string, record: Fields) => Omit<Dialogue, "tools">;

/** Forms by the key that tells them, in the order in which they are tried. */
const FORMS: Readonly<Record<string, Form>> = {
  messages: (op, record) => fromList(op, record, "messages"),
  conversations: (op, record) => fromList(op, record, "conversations"),
  instruction: fromAlpaca,
  prompt: (op, record) => ({
    messages: asTurn(op, "prompt", record.prompt, "user"),
    reply: replyOf(op, record, ["completion", "response"]),
  }),
  question: (op, record) => ({
    messages: [{ role: "user", content: asText(op, "question", record.question) }],
    reply: replyOf(op, record, ["answer"]),
  }),
};

/** The dialogue of a record, or undefined when it is of no known form. @throws RecordFormatError for a wrong field. */
export function readDialogue(op: string, record: Fields): Dialogue | undefined {
  const key = Object.keys(FORMS).find((name) => record[name] !== undefined && record[name] !== null);
  if (key === undefined) return undefined;
  const { messages, reply } = FORMS[key]!(op, record);
  const system = asOptionalText(op, "system", record.system);
  const opening = system === undefined ? [] : [{ role: "system", content: system }];
  return { messages: [...opening, ...messages], reply, tools: toolsOf(op, record.tools) };
}

function fromList(op: string, record: Fields, key: string): Omit<Dialogue, "tools"> {
  return { messages: asMessages(op, key, record[key]), reply: undefined };
}

function fromAlpaca(op: string, record: Fields): Omit<Dialogue, "tools"> {
  const instruction = asText(op, "instruction", record.instruction);
  const input = asOptionalText(op, "input", record.input);
  const content = input === undefined ? instruction : `${instruction}\n${input}`;
  return {
    messages: [...historyOf(op, record.history), { role: "user", content }],
    reply: replyOf(op, record, ["output"]),
  };
}

/** Alpaca's earlier turns: pairs of what the user said and what the assistant did. */
function historyOf(op: string, history: unknown): ChatMessage[] {
  if (history === undefined || history === null) return [];
  if (!Array.isArray(history)) throw wrongField(op, "history", "a list of [user, assistant] pairs", history);
  return history.flatMap((pair: unknown, index) => {
    const operand = `history[${index}]`;
    if (!Array.isArray(pair) || pair.length !== 2) throw wrongField(op, operand, "a pair [user, assistant]", pair);
    return pair.map((text, side) => ({
      role: side === 0 ? "user" : "assistant",
      content: asText(op, `${operand}[${side}]`, text),
    }));
  });
}

function replyOf(op: string, record: Fields, keys: readonly string[]): ChatMessage[] | undefined {
  const key = keys.find((name) => record[name] !== undefined && record[name] !== null);
  return key === undefined ? undefined : asTurn(op, key, record[key], "assistant");
}

/** Schemas of tools: a list, or its JSON as a string; "" and null are none. */
function toolsOf(op: string, tools: unknown): readonly unknown[] | undefined {
  const value = typeof tools === "string" ? parseTools(op, tools) : tools;
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw wrongField(op, "tools", "a list of schemas", value);
  for (const [index, tool] of value.entries()) asFields(op, `tools[${index}]`, tool);
  return value.length === 0 ? undefined : value;
}

function parseTools(op: string, text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw wrongField(op, "tools", "a list of schemas, or JSON of one", text);
  }
}
