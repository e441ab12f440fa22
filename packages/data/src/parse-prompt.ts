import { readDialogue } from "./read-dialogue.ts";
import { asFields, asText, type ChatMessage, type Fields, unknownForm } from "./record-fields.ts";

/** What a model is asked, and the answer that a reward may compare with. */
export interface PromptRecord {
  readonly messages: ChatMessage[];
  readonly answer?: string;
  /** JSON schemas of the tools that the record names, for the chat template. */
  readonly tools?: readonly unknown[];
}

/**
 * A prompt from a record: `{question, answer}`, or `messages`, `conversations`, `prompt` or alpaca's `instruction` with
 * an `answer`, `output`, `completion` or `response`.
 *
 * Without such a key, a last message of the assistant is the answer; it is never part of the prompt. A number as an
 * `answer` becomes its text.
 * @throws RecordFormatError naming the record's keys and the known forms, or the field that is not what its form has.
 */
export function parsePrompt(record: unknown): PromptRecord {
  const fields = asFields("parsePrompt", "record", record);
  const dialogue = readDialogue("parsePrompt", { ...fields, answer: undefined }); // an answer is no turn: see below
  if (dialogue === undefined) throw unknownForm("parsePrompt", fields, FORMS);
  const { tools } = dialogue;
  const isAnswered = dialogue.messages.at(-1)?.role === "assistant";
  const messages = isAnswered ? dialogue.messages.slice(0, -1) : dialogue.messages;
  if (messages.length === 0) throw unknownForm("parsePrompt", fields, FORMS);
  const said = dialogue.reply?.at(-1) ?? (isAnswered ? dialogue.messages.at(-1) : undefined);
  const answer = namedAnswer(fields) ?? said?.content;
  return { messages, ...(answer !== undefined && { answer }), ...(tools && { tools }) };
}

function namedAnswer({ answer }: Fields): string | undefined {
  if (answer === undefined || answer === null) return undefined;
  return typeof answer === "number" ? String(answer) : asText("parsePrompt", "answer", answer);
}

const FORMS = [
  "{question, answer?}",
  "{messages, answer?}",
  "{conversations, answer?}",
  "{prompt, answer?}",
  "{instruction, output?}",
] as const;
