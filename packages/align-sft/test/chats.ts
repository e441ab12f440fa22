import { type ChatTemplate, createChatTemplate, deepseekChatTemplate, type Tokenizer, trainBpe } from "@ds3/tokenizer";
import { type ChatRecord, encodeChats, type SftSample } from "../src/index.ts";

export const BOS = "<｜begin▁of▁sentence｜>";
export const EOS = "<｜end▁of▁sentence｜>";

const chat = (source: string, ...contents: readonly string[]): ChatRecord => ({
  source,
  messages: contents.map((content, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content })),
});

/** A handful of conversations from two sources; the last has a user's word after the last reply. */
export const chats: readonly ChatRecord[] = [
  chat("colours", "the sky?", "blue", "and grass?", "green"),
  chat("colours", "snow?", "white as can be"),
  chat("sums", "2+3", "5"),
  chat("sums", "4+4", "8", "3+6", "9", "thanks"),
];

export const tokenizer: Tokenizer = trainBpe(
  chats.flatMap(({ messages }) => messages.map(({ content }) => content)),
  { vocabSize: 270, specialTokens: [BOS, EOS, "<｜▁pad▁｜>", "<｜User｜>", "<｜Assistant｜>"] },
);

export const template: ChatTemplate = createChatTemplate(deepseekChatTemplate, { bosToken: BOS, eosToken: EOS });

export const samples: readonly SftSample[] = encodeChats(chats, tokenizer, template).samples;
