import { expect, test } from "vitest";
import { parseChat } from "./parse-chat.ts";
import { RecordFormatError } from "./record-format-error.ts";

const user = { role: "user", content: "q" };
const assistant = { role: "assistant", content: "a" };

test("each known form gives the same conversation", () => {
  const records = [
    { messages: [user, assistant], label: true },
    {
      conversations: [
        { from: "human", value: "q" },
        { from: "gpt", value: "a" },
      ],
    },
    { conversations: [user, assistant] },
    { instruction: "q", output: "a" },
    { instruction: "q", input: "", output: "a", history: [] },
    { prompt: "q", completion: "a" },
    { prompt: "q", response: "a" },
    { prompt: [user], completion: [assistant] },
    { prompt: [user], completion: assistant },
    { question: "q", answer: "a" },
  ];
  for (const record of records) expect(parseChat(record)).toEqual({ messages: [user, assistant] });
});

test("system texts come first, alpaca's input on a line below its instruction, its history before both", () => {
  const system = { role: "system", content: "s" };
  const history = [["q1", "a1"]];
  expect(parseChat({ instruction: "q", input: "x", output: "a", history, system: "s" }).messages).toEqual([
    system,
    { role: "user", content: "q1" },
    { role: "assistant", content: "a1" },
    { role: "user", content: "q\nx" },
    assistant,
  ]);
  const conversations = [{ from: "human", value: "q" }];
  expect(parseChat({ conversations, system: "s" }).messages).toEqual([system, user]);
  expect(parseChat({ conversations: [{ from: "system", value: "s" }, ...conversations] }).messages).toEqual([
    system,
    user,
  ]);
});

test("calls of tools are the assistant's, their results the tool's, other roles stay; tools may be JSON in a string", () => {
  const conversations = [
    { from: "human", value: "q" },
    { from: "function_call", value: "{}" },
    { from: "observation", value: "1" },
    { from: "critic", value: "no" },
  ];
  const tools = [{ name: "f" }];
  const expected = {
    messages: [
      user,
      { role: "assistant", content: "{}" },
      { role: "tool", content: "1" },
      { role: "critic", content: "no" },
    ],
    tools,
  };
  expect(parseChat({ conversations, tools: JSON.stringify(tools) })).toEqual(expected);
  expect(parseChat({ conversations, tools })).toEqual(expected);
  for (const none of ["", "[]", null, []])
    expect(parseChat({ conversations, tools: none })).not.toHaveProperty("tools");
});

test("an unknown form is named with its keys and the known forms", () => {
  for (const record of [{ body: "b", title: "t" }, { prompt: "q", chosen: "c" }, { instruction: "q" }, {}]) {
    expect(() => parseChat(record)).toThrow(RecordFormatError);
  }
  expect(() => parseChat({ body: "b", title: "t" })).toThrow(
    /^parseChat: record: expected one of the forms \{messages\}, .*\{question, answer\}, got the keys body, title\./,
  );
  expect(() => parseChat({})).toThrow("got the keys (none)");
  for (const record of [null, 3, "text", []]) expect(() => parseChat(record)).toThrow("record: expected an object");
});

test("the field at fault is named", () => {
  const parse = (record: unknown) => () => parseChat(record);
  expect(parse({ messages: [] })).toThrow("messages: expected a list of messages, got []");
  expect(parse({ messages: [user, 3] })).toThrow("messages[1]: expected an object, got 3");
  expect(parse({ messages: [{ role: "user", content: null }] })).toThrow(
    "messages[0].content: expected a string, got null",
  );
  expect(parse({ conversations: [{ from: "human" }] })).toThrow(
    "conversations[0].value: expected a string, got nothing",
  );
  expect(parse({ instruction: "q", input: 3, output: "a" })).toThrow("input: expected a string, got 3");
  expect(parse({ instruction: "q", output: "a", history: [["x"]] })).toThrow("history[0]: expected a pair");
  expect(parse({ question: "q", answer: 3 })).toThrow(
    "answer: expected a string, a message or a list of messages, got 3",
  );
  expect(parse({ messages: [user], tools: "{" })).toThrow("tools: expected a list of schemas");
  expect(parse({ messages: [user], tools: ["f"] })).toThrow("tools[0]: expected an object");
});
