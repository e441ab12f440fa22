/**
 * Conversations as token ids, for generation and for training on what the assistant writes.
 *
 * An assistant's part is found by rendering twice: the messages before it with the generation prompt, and the same with
 * the message; what the second adds is its part. Each part is encoded apart, as it is at inference, where the prompt is
 * encoded and ids are drawn after it: joined, a token could reach over the border, which no generation does.
 *
 * Ids are of the rendered text alone; nothing is added around it, so a template's bos is not doubled.
 */

import type { Tokenizer } from "../tokenizer.ts";
import { ChatTemplateError } from "./chat-template-error.ts";
import type { ChatMessage, ChatTemplate, RenderOptions } from "./create-chat-template.ts";

/** A prompt, and the reply to it as it would be generated. */
export interface EncodedReply {
  readonly prompt: Int32Array;
  /** Ids that the assistant writes, its end-of-turn token included. */
  readonly completion: Int32Array;
}

/** A conversation, and which of its tokens an assistant writes. */
export interface EncodedConversation {
  readonly ids: Int32Array;
  /** [ids] 1 on tokens that an assistant writes, its end-of-turn token included; else 0. */
  readonly assistantMask: Uint8Array;
}

/** Variables of the template, such as `tools`; the generation prompt is set by the functions. */
export type EncodeChatOptions = Omit<RenderOptions, "addGenerationPrompt">;

/** One stretch of a conversation's text. */
interface Segment {
  readonly text: string;
  readonly isAssistant: boolean;
}

/**
 * The ids that a model goes on from: the messages, and what begins the assistant's next one.
 * @throws ChatTemplateError when the template refuses the messages.
 */
export function encodePrompt(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: EncodeChatOptions = {},
): Int32Array {
  return encodeText(tokenizer, template.render(messages, { ...options, addGenerationPrompt: true }));
}

/**
 * The ids of a prompt and of the assistant's reply to it.
 *
 * `prompt` is what `encodePrompt` gives. White space that the template puts after the end-of-turn token is left out:
 * generation stops before it.
 * @throws ChatTemplateError when the template refuses the messages, does not render the reply after its generation
 * prompt, or drops a part of the reply.
 */
export function encodeReply(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  reply: string,
  options: EncodeChatOptions = {},
): EncodedReply {
  const whole = [...messages, { role: "assistant", content: reply }];
  const { prompt, completion } = renderReply("encodeReply", template, whole, messages.length, options);
  const ids = encodeText(tokenizer, completion);
  return { prompt: encodeText(tokenizer, prompt), completion: ids.subarray(0, endOfTurn(tokenizer, ids)) };
}

/**
 * The ids of a conversation with a mask of the assistant's tokens, for a loss on those alone.
 *
 * The decoded ids are the rendered text. Cost: two renderings for each of the assistant's messages.
 * @throws ChatTemplateError when the template refuses the messages, or renders messages otherwise once others follow
 * (templates that strip the thinking of earlier turns do), or drops a part of an assistant's message: it names the one.
 */
export function encodeConversation(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: EncodeChatOptions = {},
): EncodedConversation {
  const parts = segmentsOf(template, messages, options).map(({ text, isAssistant }) => {
    const ids = encodeText(tokenizer, text);
    return { ids, masked: isAssistant ? endOfTurn(tokenizer, ids) : 0 };
  });
  const length = parts.reduce((sum, { ids }) => sum + ids.length, 0);
  const encoded = { ids: new Int32Array(length), assistantMask: new Uint8Array(length) };
  let at = 0;
  for (const { ids, masked } of parts) {
    encoded.ids.set(ids, at);
    encoded.assistantMask.fill(1, at, at + masked);
    at += ids.length;
  }
  return encoded;
}

/** The rendered text in stretches: by turns what the template or others say, and what the assistant does. */
function segmentsOf(template: ChatTemplate, messages: readonly ChatMessage[], options: EncodeChatOptions): Segment[] {
  const segments: Segment[] = [];
  let before = "";
  let last = -1;
  const extend = (text: string, index: number): void => {
    if (!text.startsWith(before)) throw notExtended(template, before, text, last, index);
    segments.push({ text: text.slice(before.length), isAssistant: false });
  };
  messages.forEach(({ role }, index) => {
    if (role !== "assistant") return;
    const { prompt, completion } = renderReply("encodeConversation", template, messages, index, options);
    extend(prompt, index);
    segments.push({ text: completion, isAssistant: true });
    before = prompt + completion;
    last = index;
  });
  extend(template.render(messages, options), messages.length - 1);
  return segments.filter(({ text }) => text !== "");
}

/** The text before assistant message `index` with the generation prompt, and what the message adds to it. */
function renderReply(
  op: string,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  index: number,
  options: EncodeChatOptions,
): { prompt: string; completion: string } {
  const prompt = template.render(messages.slice(0, index), { ...options, addGenerationPrompt: true });
  const text = template.render(messages.slice(0, index + 1), options);
  const operand = `messages[${index}] in ${template.name}`;
  if (!text.startsWith(prompt)) {
    const expected = `an assistant's message that begins with the generation prompt ${excerptFrom(prompt, text)}`;
    const hint = "Use a template whose generation prompt is how it renders an assistant's message.";
    throw new ChatTemplateError({ op, operand, expected, actual: excerptFrom(text, prompt), hint });
  }
  const completion = text.slice(prompt.length);
  requireContent(op, operand, completion, messages[index]!.content);
  return { prompt, completion };
}

/** A template may trim and space a message, not drop a part of it unnoticed. */
function requireContent(op: string, operand: string, completion: string, content: unknown): void {
  if (typeof content !== "string" || withoutSpace(completion).includes(withoutSpace(content))) return;
  throw new ChatTemplateError({
    op,
    operand,
    expected: `the whole content ${excerpt(content)}`,
    actual: excerpt(completion),
    hint: "The template drops a part of it, e.g. its thinking: use a template that keeps it, or take it out yourself.",
  });
}

function notExtended(
  template: ChatTemplate,
  before: string,
  text: string,
  last: number,
  index: number,
): ChatTemplateError {
  return new ChatTemplateError({
    op: "encodeConversation",
    operand: `messages[${last}] in ${template.name}`,
    expected: `the same text when messages up to ${index} follow, ${excerptFrom(before, text)}`,
    actual: excerptFrom(text, before),
    hint: "The template rewrites earlier turns. Encode each reply on its own: encodeReply(tokenizer, template, messages before it, its content).",
  });
}

/**
 * How many of an assistant's ids are its own: all, but for white space after a special token, which ends the turn.
 */
function endOfTurn(tokenizer: Tokenizer, ids: Int32Array): number {
  const last = ids.findLastIndex((id) => tokenizer.isSpecial(id));
  return last >= 0 && tokenizer.decode(ids.subarray(last + 1)).trim() === "" ? last + 1 : ids.length;
}

function encodeText(tokenizer: Tokenizer, text: string): Int32Array {
  return tokenizer.encode(text, { addSpecialTokens: false });
}

function withoutSpace(text: string): string {
  return text.replace(/\s+/g, "");
}

/** The part of `text` around the place where it begins to differ from `other`. */
function excerptFrom(text: string, other: string): string {
  let same = 0;
  while (same < text.length && text[same] === other[same]) same++;
  return excerpt(text.slice(Math.max(0, same - 20)));
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
