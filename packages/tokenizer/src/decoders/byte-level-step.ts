import { bytesOfToken } from "../byte-alphabet.ts";
import { bufferTokens, type DecoderStep } from "./token-sink.ts";

/** Byte-level BPE's decoder: the bytes of all tokens as one UTF-8 text, U+FFFD for each maximal part of a character. */
export const byteLevelStep: DecoderStep = (next) => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return bufferTokens({
    token: (token) => next.write(decoder.decode(bytesOfToken(token), { stream: true })),
    end: () => {
      next.write(decoder.decode());
      next.close();
      next.end();
    },
  });
};
