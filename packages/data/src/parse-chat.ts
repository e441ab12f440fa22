import { readDialogue } from "./read-dialogue.ts";
import { asFields, type ChatMessage, unknownForm } from "./record-fields.ts";

/** A conversation to learn from. */
export interface ChatRecord {
  readonly messages: ChatMessage[];
  /** JSON schemas of the tools that the record names, for the chat template. */
  readonly tools?: readonly unknown[];
}

/**
 * A conversation from a record of one of the known forms, told by its keys:
 * `{messages: [{role, content}]}`; ShareGPT's `{conversations: [{from, value}]}`; alpaca's `{instruction, input?, output,
 * history?}`; `{prompt, completion | response}`; `{question, answer}`. Each may have `system` and `tools`.
 *
 * ShareGPT's roles become human: user, gpt and function_call: assistant, observation: tool; others stay. Alpaca's input
 * follows its instruction on a new line. Texts stay as they are.
 * @throws RecordFormatError naming the record's keys and the known forms, or the field that is not what its form has.
 */
export function parseChat(record: unknown): ChatRecord {
  const fields = asFields("parseChat", "record", record);
  const dialogue = readDialogue("parseChat", fields);
  const isList = fields.messages !== undefined || fields.conversations !== undefined;
  if (dialogue === undefined || (dialogue.reply === undefined && !isList))
    throw unknownForm("parseChat", fields, FORMS);
  const { messages, reply = [], tools } = dialogue;
  return { messages: [...messages, ...reply], ...(tools && { tools }) };
}

const FORMS = [
  "{messages}",
  "{conversations}",
  "{instruction, output}",
  "{prompt, completion}",
  "{prompt, response}",
  "{question, answer}",
] as const;
