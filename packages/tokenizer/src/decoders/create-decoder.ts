import { bytesOfToken } from "../byte-alphabet.ts";
import { byteLevelStep } from "./byte-level-step.ts";
import type { Decoder, TokenStream } from "./decoder.ts";
import { type DecoderStep, mapTokens, type TokenSink } from "./token-sink.ts";

/** The decoder of a tokenizer without one: tokens with spaces between them. */
export const joinBySpaces: DecoderStep = mapTokens((token, index) => (index === 0 ? token : ` ${token}`));

/** A decoder of some steps, each working on what the one before it gives. */
export function createDecoder(steps: readonly DecoderStep[]): Decoder {
  const isByteLevel = steps.length === 1 && steps[0] === byteLevelStep;
  return {
    isByteLevel,
    decode: isByteLevel ? decodeBytes : (tokens) => decodeBySteps(steps, tokens),
    stream: () => openStream(steps),
  };
}

function decodeBytes(tokens: readonly string[]): string {
  const parts = tokens.map(bytesOfToken);
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(joined);
}

/** What the last step gives, until it is taken. */
class TextSink implements TokenSink {
  #text = "";

  write(part: string): void {
    this.#text += part;
  }

  close(): void {}

  end(): void {}

  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }
}

function decodeBySteps(steps: readonly DecoderStep[], tokens: readonly string[]): string {
  const text = new TextSink();
  const first = steps.reduceRight<TokenSink>((next, step) => step(next), text);
  for (const token of tokens) {
    first.write(token);
    first.close();
  }
  first.end();
  return text.take();
}

function openStream(steps: readonly DecoderStep[]): TokenStream {
  const text = new TextSink();
  const first = steps.reduceRight<TokenSink>((next, step) => step(next), text);
  return {
    push: (token) => {
      first.write(token);
      first.close();
      return text.take();
    },
    end: () => {
      first.end();
      return text.take();
    },
  };
}
