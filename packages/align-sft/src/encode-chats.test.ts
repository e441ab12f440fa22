import { OutOfRangeError } from "@ds3/errors";
import { ChatTemplateError } from "@ds3/tokenizer";
import { describe, expect, test } from "vitest";
import { BOS, chats, EOS, template, tokenizer } from "../test/chats.ts";
import { type ChatRecord, encodeChats } from "./encode-chats.ts";

const encode = (records: Iterable<ChatRecord>, options?: Parameters<typeof encodeChats>[3]) =>
  encodeChats(records, tokenizer, template, options);

/** The text of the tokens that are, or are not, an assistant's. */
function textOf({ ids, assistantMask }: ReturnType<typeof encode>["samples"][number], mask: number): string {
  return tokenizer.decode(ids.filter((_, i) => assistantMask[i] === mask));
}

test("conversations as ids, with the assistants' tokens and their ends marked, in order and with their source", () => {
  const { samples, dropped, cut } = encode(chats);
  expect(samples.map(({ source }) => source)).toEqual(["colours", "colours", "sums", "sums"]);
  expect([dropped, cut]).toEqual([{ empty: 0, noAssistant: 0, tooLong: 0 }, 0]);
  expect(tokenizer.decode(samples[0]!.ids)).toBe(
    `${BOS}<｜User｜>the sky?<｜Assistant｜>blue${EOS}<｜User｜>and grass?<｜Assistant｜>green${EOS}`,
  );
  expect(textOf(samples[0]!, 1)).toBe(`blue${EOS}green${EOS}`);
  expect(textOf(samples[3]!, 1)).toBe(`8${EOS}9${EOS}`);
  expect(textOf(samples[3]!, 0)).toMatch(/<｜User｜>thanks$/);
});

test("a record without a source gives a sample without one", () => {
  const { samples } = encode([{ messages: chats[2]!.messages }]);
  expect(Object.keys(samples[0]!)).toEqual(["ids", "assistantMask"]);
});

test("what teaches nothing is left out and counted", () => {
  const asked: ChatRecord = { messages: [{ role: "user", content: "anyone?" }] };
  const { samples, dropped } = encode([{ messages: [] }, asked, chats[0]!, asked, { messages: [] }, asked]);
  expect(samples).toHaveLength(1);
  expect(dropped).toEqual({ empty: 2, noAssistant: 3, tooLong: 0 });
});

describe("too long", () => {
  const whole = encode([chats[0]!]).samples[0]!;
  const size = whole.ids.length;
  const first = whole.assistantMask.indexOf(1);

  test("is dropped, or cut to its first tokens; as long as may be is neither", () => {
    expect(encode([chats[0]!], { maxLength: size })).toMatchObject({ dropped: { tooLong: 0 }, cut: 0 });
    expect(encode([chats[0]!], { maxLength: size - 1 })).toMatchObject({ samples: [], dropped: { tooLong: 1 } });
    const { samples, dropped, cut } = encode([chats[0]!], { maxLength: size - 1, overlong: "cut" });
    expect(samples[0]!.ids).toEqual(whole.ids.slice(0, -1));
    expect(samples[0]!.assistantMask).toEqual(whole.assistantMask.slice(0, -1));
    expect(samples[0]!.source).toBe("colours");
    expect([dropped.tooLong, cut]).toEqual([0, 1]);
  });

  test("is dropped when the cut leaves no reply", () => {
    const atReply = { maxLength: first + 1, overlong: "cut" } as const;
    expect(encode([chats[0]!], atReply).samples[0]!.ids).toHaveLength(first + 1);
    const beforeReply = encode([chats[0]!], { ...atReply, maxLength: first });
    expect(beforeReply).toEqual({ samples: [], dropped: { empty: 0, noAssistant: 0, tooLong: 1 }, cut: 0 });
  });
});

test("a record that the template refuses is named by its place", () => {
  const records: ChatRecord[] = [chats[0]!, { messages: [{ role: "robot", content: "beep" }, ...chats[0]!.messages] }];
  const encodeThem = () => encode(records);
  expect(encodeThem).toThrow(ChatTemplateError);
  expect(encodeThem).toThrow(/^encodeChats: records\[1\]: .*no role "robot"/);
});

test("options that make no sense are named", () => {
  for (const maxLength of [1, 2.5, Number.NaN]) expect(() => encode([], { maxLength })).toThrow(OutOfRangeError);
  expect(() => encode([], { maxLength: 1 })).toThrow(
    /encodeChats: maxLength: expected an integer of at least 2, got 1/,
  );
  const overlong = "trim" as "cut";
  expect(() => encode([], { overlong })).toThrow(/overlong: expected "drop" or "cut", got "trim"/);
});
