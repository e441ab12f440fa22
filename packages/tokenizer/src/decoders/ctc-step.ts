import { replaceEvery } from "./replace-every.ts";
import { bufferTokens, type DecoderStep, passOn } from "./token-sink.ts";
import { cleanUp } from "./word-piece-step.ts";

/** Options of CTC's decoder, named as in tokenizer.json. */
export interface CtcOptions {
  readonly padToken: string;
  readonly wordDelimiterToken: string;
  /** Without it the word delimiter stays, as in HF. */
  readonly cleanup: boolean;
}

/** CTC's decoder: of equal tokens in a row one stays, padding goes, the word delimiter becomes a space. */
export function ctcStep({ padToken, wordDelimiterToken, cleanup }: CtcOptions): DecoderStep {
  const render = (token: string): string => {
    const text = replaceEvery(token, padToken, "");
    return cleanup ? replaceEvery(cleanUp(text), wordDelimiterToken, " ") : text;
  };
  return (next) => {
    let previous: string | undefined;
    return bufferTokens({
      token: (token) => {
        if (token !== previous) passOn(render(token) || undefined, next);
        previous = token;
      },
      end: () => {
        previous = undefined;
        next.end();
      },
    });
  };
}
