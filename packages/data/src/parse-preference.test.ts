import { expect, test } from "vitest";
import { parsePreference } from "./parse-preference.ts";
import { RecordFormatError } from "./record-format-error.ts";

const user = { role: "user", content: "q" };
const say = (content: string) => ({ role: "assistant", content });

test("each known form gives the same preference", () => {
  const records = [
    {
      conversations: [{ from: "human", value: "q" }],
      chosen: { from: "gpt", value: "c" },
      rejected: { from: "gpt", value: "r" },
    },
    { messages: [user], chosen: say("c"), rejected: say("r") },
    { prompt: "q", chosen: "c", rejected: "r", score: 3 },
    { prompt: [user], chosen: [say("c")], rejected: [say("r")] },
    { prompt: "q", chosen: [user, say("c")], rejected: [user, say("r")] },
    { chosen: [user, say("c")], rejected: [user, say("r")] },
    { chosen: [user, say("c")], rejected: "r" },
    { instruction: "q", input: "", chosen: "c", rejected: "r" },
    { question: "q", chosen: "c", rejected: "r" },
  ];
  for (const record of records) {
    expect(parsePreference(record)).toEqual({ messages: [user], chosen: "c", rejected: "r" });
  }
});

test("system texts and tools are kept", () => {
  const tools = [{ name: "f" }];
  expect(parsePreference({ system: "s", prompt: "q", chosen: "c", rejected: "r", tools })).toEqual({
    messages: [{ role: "system", content: "s" }, user],
    chosen: "c",
    rejected: "r",
    tools,
  });
});

test("what is no preference is named", () => {
  const parse = (record: unknown) => () => parsePreference(record);
  expect(parse({ prompt: "q", chosen: "c" })).toThrow(RecordFormatError);
  expect(parse({ prompt: "q", chosen: "c" })).toThrow(/\{prompt, chosen, rejected\}.*, got the keys prompt, chosen\./);
  expect(parse({ chosen: "c", rejected: "r" })).toThrow("got the keys chosen, rejected");
  expect(parse({ prompt: "q", chosen: 1, rejected: "r" })).toThrow("chosen: expected a string, a message or a list");
  expect(parse({ prompt: "q", chosen: user, rejected: "r" })).toThrow("chosen: expected a reply of the assistant");
  const other = [{ role: "user", content: "other" }, say("r")];
  expect(parse({ prompt: "q", chosen: "c", rejected: other })).toThrow("rejected: expected messages before the reply");
  expect(parse({ chosen: [user, say("c")], rejected: other })).toThrow("rejected: expected messages before the reply");
  expect(parse({ prompt: "q", chosen: [user, user, say("c")], rejected: "r" })).toThrow(
    "chosen: expected messages before",
  );
});
