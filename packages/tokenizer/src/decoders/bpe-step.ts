import { replaceEvery } from "./replace-every.ts";
import { bufferTokens, type DecoderStep, passOn } from "./token-sink.ts";

/** The decoder of BPE with end-of-word suffixes: each suffix is a space, and nothing in the last token. */
export function bpeStep(suffix: string): DecoderStep {
  return (next) => {
    let last: string | undefined;
    const release = (replacement: string): void => {
      if (last !== undefined) passOn(replaceEvery(last, suffix, replacement), next);
      last = undefined;
    };
    return bufferTokens({
      token: (token) => {
        release(" ");
        last = token;
      },
      end: () => {
        release("");
        next.end();
      },
    });
  };
}
