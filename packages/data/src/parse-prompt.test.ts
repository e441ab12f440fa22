import { expect, test } from "vitest";
import { parsePrompt } from "./parse-prompt.ts";
import { RecordFormatError } from "./record-format-error.ts";

const user = { role: "user", content: "q" };
const assistant = { role: "assistant", content: "a" };

test("each known form gives the same prompt and answer", () => {
  const records = [
    { question: "q", answer: "a" },
    { messages: [user], answer: "a" },
    { messages: [user, assistant] },
    { messages: [user, { role: "assistant", content: "another" }], answer: "a" },
    {
      conversations: [
        { from: "human", value: "q" },
        { from: "gpt", value: "a" },
      ],
    },
    { prompt: "q", answer: "a" },
    { prompt: [user], completion: "a" },
    { instruction: "q", input: "", output: "a" },
  ];
  for (const record of records) expect(parsePrompt(record)).toEqual({ messages: [user], answer: "a" });
});

test("an answer may be missing, or a number", () => {
  for (const record of [{ prompt: "q" }, { question: "q" }, { messages: [user], answer: null }, { instruction: "q" }]) {
    expect(parsePrompt(record)).toEqual({ messages: [user] });
  }
  expect(parsePrompt({ prompt: "q", answer: 42 })).toEqual({ messages: [user], answer: "42" });
  expect(parsePrompt({ question: "q", answer: 0 })).toEqual({ messages: [user], answer: "0" });
});

test("what is no prompt is named", () => {
  expect(() => parsePrompt({ text: "t" })).toThrow(RecordFormatError);
  expect(() => parsePrompt({ text: "t" })).toThrow(/\{question, answer\?\}.*, got the keys text\./);
  expect(() => parsePrompt({ messages: [assistant] })).toThrow("got the keys messages");
  expect(() => parsePrompt({ prompt: "q", answer: [] })).toThrow("answer: expected a string, got []");
});
