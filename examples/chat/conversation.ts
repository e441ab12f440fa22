/*
 * A conversation with a model: messages so far, as many of the newest as its context holds.
 */
import { type GenerateOptions, generate } from "@ds3/deepseek";
import { OutOfRangeError } from "@ds3/errors";
import type { LanguageFolder } from "@ds3/example-shared";
import { type ChatMessage, DecodeStream, encodePrompt } from "@ds3/tokenizer";

/** How replies are drawn, and what is said before all messages. */
export interface ConversationOptions extends Pick<GenerateOptions, "temperature" | "topP"> {
  /** Most tokens of a reply. */
  readonly maxTokens: number;
  /** The first reply's; the next ones count on from it. */
  readonly seed: number;
  /** What the system says. */
  readonly system?: string | undefined;
}

/** Where a reply's text goes, and what ends it early. */
export interface ReplyOptions {
  readonly onText: (text: string) => void;
  /** Called before the reply when messages had to be left out. */
  readonly onForgotten: (messages: number) => void;
  readonly signal: AbortSignal;
}

/** Messages with a model, which remembers them until they no longer fit. */
export class Conversation {
  readonly #folder: LanguageFolder;
  readonly #options: ConversationOptions;
  #messages: ChatMessage[] = [];
  #replies = 0;

  constructor(folder: LanguageFolder, options: ConversationOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Forgets all messages. */
  clear(): void {
    this.#messages = [];
  }

  /**
   * Says `content` and streams the model's reply; true when the model ended it.
   * @throws OutOfRangeError for a message that is too long for the model; it is not kept.
   */
  async reply(content: string, { onText, onForgotten, signal }: ReplyOptions): Promise<boolean> {
    const { model, tokenizer, stopTokens } = this.#folder;
    const { maxTokens, seed, system: _, ...sampling } = this.#options;
    const { prompt, messages } = this.#fit({ role: "user", content });
    const forgotten = this.#messages.length + 1 - messages.length;
    if (forgotten > 0) onForgotten(forgotten);
    const stream = new DecodeStream(tokenizer);
    let text = "";
    const write = (piece: string): void => {
      text += piece;
      onText(piece);
    };
    const [sequence] = await generate(model, [prompt], {
      ...{ ...sampling, maxNewTokens: maxTokens, seed: seed + this.#replies++, stopTokens, signal },
      onTokens: ({ ids: [id] }) => stopTokens.includes(id!) || write(stream.push(id!)),
    });
    write(stream.end());
    this.#messages = [...messages, { role: "assistant", content: text }];
    return sequence!.stopped;
  }

  /** The newest messages that leave room for a reply, always whole turns; `last` at the least. */
  #fit(last: ChatMessage): { readonly prompt: Int32Array; readonly messages: ChatMessage[] } {
    const { model, tokenizer, template } = this.#folder;
    const { maxTokens, system } = this.#options;
    const context = model.config.maxPositionEmbeddings;
    const room = context - Math.min(maxTokens, Math.floor(context / 4));
    const before = system === undefined ? [] : [{ role: "system", content: system }];
    for (let from = 0; ; from += 2) {
      const messages = [...this.#messages.slice(from), last];
      const prompt = encodePrompt(tokenizer, template, [...before, ...messages]);
      if (prompt.length <= room) return { prompt, messages };
      if (messages.length > 1) continue;
      const expected = `at most ${room} tokens with all that belongs to it, in a context of ${context}`;
      throw new OutOfRangeError({ op: "chat", operand: "the message", expected, actual: `${prompt.length}` });
    }
  }
}
