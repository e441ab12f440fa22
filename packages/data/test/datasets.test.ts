/** Records of real data sets, whichever are there: each parser reads every record of the forms that it knows. */
import { basename, dirname, join } from "node:path";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { expect, test } from "vitest";
import { parseChat } from "../src/parse-chat.ts";
import { parsePreference } from "../src/parse-preference.ts";
import { parsePrompt } from "../src/parse-prompt.ts";
import { readRecords } from "../src/read-records.ts";
import type { ChatMessage } from "../src/record-fields.ts";

type Keys = Readonly<Record<string, unknown>>;
const has = (record: Keys, ...keys: string[]): boolean => keys.every((key) => record[key] !== undefined);
const isPreference = (record: Keys): boolean => has(record, "conversations", "chosen", "rejected");
const isList = (record: Keys): boolean => has(record, "messages") || has(record, "conversations");
const isPair = (record: Keys): boolean => has(record, "instruction", "output") || has(record, "question", "answer");

const files = listDatasets();
if (files === undefined) skipVisibly("records of data sets: no external data sets (set DS3_DATASETS)");
for (const file of files ?? []) {
  test(join(basename(dirname(file)), basename(file)), async () => {
    let read = 0;
    for await (const { value, line } of readRecords(file)) {
      expect(line).toBeGreaterThan(read++);
      checkRecord(value as Keys);
    }
    expect(read).toBeGreaterThan(0);
  });
}

function checkRecord(record: Keys): void {
  if (isPreference(record)) {
    const { messages, chosen, rejected } = parsePreference(record);
    requireTexts(messages);
    if ([chosen, rejected].some((reply) => typeof reply !== "string")) throw new Error(JSON.stringify(record));
  } else if (isList(record) || isPair(record)) {
    const { messages } = parseChat(record);
    requireTexts(messages);
    if (isPair(record) && messages.at(-1)!.role !== "assistant") throw new Error(JSON.stringify(record));
    requirePrompt(record, messages);
  }
}

/** Only few checks go through `expect`: there are tens of thousands of records. */
function requireTexts(messages: readonly ChatMessage[]): void {
  const isSound =
    messages.length > 0 && messages.every(({ role, content }) => role !== "" && typeof content === "string");
  if (!isSound || messages.some(({ role }) => ["human", "gpt"].includes(role)))
    throw new Error(JSON.stringify(messages));
}

function requirePrompt(record: Keys, whole: readonly ChatMessage[]): void {
  if (whole.length < 2 || whole.at(-1)!.role !== "assistant") return;
  const { messages, answer } = parsePrompt(record);
  if (messages.length !== whole.length - 1 || answer !== whole.at(-1)!.content) throw new Error(JSON.stringify(record));
}
