import { readDialogue } from "./read-dialogue.ts";
import { asFields, asTurn, type ChatMessage, type Fields, unknownForm, wrongField } from "./record-fields.ts";

/** Two replies to the same messages. */
export interface PreferenceRecord {
  readonly messages: ChatMessage[];
  /** Text of the better reply. */
  readonly chosen: string;
  /** Text of the worse reply. */
  readonly rejected: string;
  /** JSON schemas of the tools that the record names, for the chat template. */
  readonly tools?: readonly unknown[];
}

/**
 * A preference from a record with `chosen` and `rejected`, each a text, a message or a list of messages, beside
 * `conversations`, `messages`, `prompt`, `question` or alpaca's `instruction`.
 *
 * Of a list the last message is the reply; the others must repeat the end of the prompt; where the record has none
 * of its own, those of `chosen` are the prompt.
 * @throws RecordFormatError naming the record's keys and the known forms, or the field that is not what its form has.
 */
export function parsePreference(record: unknown): PreferenceRecord {
  const op = "parsePreference";
  const fields = asFields(op, "record", record);
  if (fields.chosen === undefined || fields.rejected === undefined) throw unknownForm(op, fields, FORMS);
  const dialogue = readDialogue(op, fields);
  const [chosen, rejected] = [readReply(fields, "chosen"), readReply(fields, "rejected")];
  const messages = dialogue?.messages ?? chosen.before;
  if (messages.length === 0) throw unknownForm(op, fields, FORMS);
  for (const [key, { before }] of [
    ["chosen", chosen],
    ["rejected", rejected],
  ] as const) {
    const expected = messages.slice(messages.length - before.length);
    if (!isSame(before, expected))
      throw wrongField(op, key, "messages before the reply that repeat the prompt", before);
  }
  const tools = dialogue?.tools;
  return { messages, chosen: chosen.text, rejected: rejected.text, ...(tools && { tools }) };
}

function readReply(fields: Fields, key: string): { before: ChatMessage[]; text: string } {
  const turn = asTurn("parsePreference", key, fields[key], "assistant");
  const last = turn.at(-1)!;
  if (last.role !== "assistant") throw wrongField("parsePreference", key, "a reply of the assistant", last);
  return { before: turn.slice(0, -1), text: last.content };
}

function isSame(a: readonly ChatMessage[], b: readonly ChatMessage[]): boolean {
  return a.length === b.length && a.every(({ role, content }, i) => role === b[i]!.role && content === b[i]!.content);
}

const FORMS = [
  "{conversations, chosen, rejected}",
  "{messages, chosen, rejected}",
  "{prompt, chosen, rejected}",
  "{instruction, chosen, rejected}",
  "{chosen, rejected} of whole conversations",
] as const;
