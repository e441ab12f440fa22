import { replaceEvery } from "./replace-every.ts";
import type { DecoderStep } from "./token-sink.ts";

/** `replacement` becomes a space, and nothing in the first token when the encoder may have put one in front. */
export function metaspaceStep(replacement: string, prepends: boolean): DecoderStep {
  return (next) => {
    let isFirst = true;
    return {
      write: (part) => next.write(replaceEvery(part, replacement, isFirst && prepends ? "" : " ")),
      close: () => {
        isFirst = false;
        next.close();
      },
      end: () => {
        isFirst = true;
        next.end();
      },
    };
  };
}
