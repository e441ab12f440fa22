import { parsePreference } from "@ds3/data";
import { readRecords } from "@ds3/data/node";
import { OutOfRangeError } from "@ds3/errors";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { ChatTemplateError, createChatTemplate, deepseekChatTemplate, trainBpe } from "@ds3/tokenizer";
import { describe, expect, test } from "vitest";
import { type EncodedPreferences, encodePreferences, type PreferenceText } from "./encode-preferences.ts";
import { packPairs } from "./pack-pairs.ts";

const [BOS, EOS] = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"];
const tokenizer = trainBpe(["what is two and two? four five six"], {
  vocabSize: 280,
  specialTokens: [BOS, EOS, "<｜User｜>", "<｜Assistant｜>"],
});
const template = createChatTemplate(deepseekChatTemplate, { bosToken: BOS, eosToken: EOS });

const ask = (content: string, chosen: string, rejected: string): PreferenceText => ({
  messages: [{ role: "user", content }],
  chosen,
  rejected,
});
const record = ask("two and two?", "four", "five or six");
const encode = (records: Iterable<PreferenceText>, options = {}): EncodedPreferences =>
  encodePreferences(records, tokenizer, template, options);

test("prompt and both replies as ids, each with its end", () => {
  const { pairs, dropped } = encode([record, ask("what?", "six", "")]);
  expect(dropped).toEqual({ empty: 0, identical: 0, tooLong: 0 });
  const texts = pairs.map(({ prompt, chosen, rejected }) =>
    [prompt, chosen, rejected].map((ids) => tokenizer.decode(ids)),
  );
  expect(texts).toEqual([
    [`${BOS}<｜User｜>two and two?<｜Assistant｜>`, `four${EOS}`, `five or six${EOS}`],
    [`${BOS}<｜User｜>what?<｜Assistant｜>`, `six${EOS}`, EOS],
  ]);
});

test("what teaches nothing or does not fit is left out and counted", () => {
  const { prompt, rejected } = encode([record]).pairs[0]!;
  const size = prompt.length + rejected.length;
  const records = [
    record,
    ask("two?", "four", "four"),
    ask("what is two and two? what is two and two?", "four", "six"),
  ];
  expect(encode(records, { maxLength: size })).toMatchObject({
    pairs: [{ prompt }],
    dropped: { empty: 0, identical: 1, tooLong: 1 },
  });
  expect(encode([record], { maxLength: size - 1 }).dropped.tooLong).toBe(1);
  const silent = createChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}");
  const without = [ask("a", "", "b"), ask("a", "b", ""), ask("", "a", "b"), ask("a", "b", "c")];
  const { pairs, dropped } = encodePreferences(without, tokenizer, silent);
  expect([pairs.length, dropped]).toEqual([1, { empty: 3, identical: 0, tooLong: 0 }]);
});

test("tools reach the template", () => {
  const withTools = createChatTemplate(
    "{{ tools | length if tools else 0 }}{% for m in messages %}{{ m.content }}{% endfor %}",
  );
  const [pair] = encodePreferences([{ ...record, tools: [{}, {}] }], tokenizer, withTools).pairs;
  expect(tokenizer.decode(pair!.prompt)).toBe("2two and two?");
});

test("a record that the template refuses is named; so is a length that makes no sense", () => {
  const broken = { ...record, messages: [{ role: "narrator", content: "once" }] };
  expect(() => encode([record, broken])).toThrow(ChatTemplateError);
  expect(() => encode([record, broken])).toThrow(/^encodePreferences: records\[1\]: /);
  expect(() => encode([record], { maxLength: 1 })).toThrow(OutOfRangeError);
});

describe("external data sets", () => {
  const files = listDatasets()?.filter((file) => /[\\/]dpo-[a-z]+[\\/]/.test(file));
  if (files === undefined) skipVisibly("no external data sets (set DS3_DATASETS)");
  for (const file of files ?? []) {
    test(`${file.split(/[\\/]/).slice(-2).join("/")}: every record is encoded or counted`, async () => {
      const records: PreferenceText[] = [];
      for await (const { value } of readRecords([file])) {
        records.push(parsePreference(value));
        if (records.length === 50) break;
      }
      const { pairs, dropped } = encode(records, { maxLength: 2000 });
      expect(pairs.length + dropped.empty + dropped.identical + dropped.tooLong).toBe(records.length);
      expect(pairs.length).toBeGreaterThan(records.length / 4);
      expect(packPairs(pairs, { packs: true }).tokenCount).toBeGreaterThan(pairs.length);
    });
  }
});
