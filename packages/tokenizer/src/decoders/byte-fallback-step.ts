import { bufferTokens, type DecoderStep, passOn } from "./token-sink.ts";

const BYTE_TOKEN = /^<0x(?:\+?[0-9a-fA-F]|[0-9a-fA-F]{2})>$/;

/**
 * Runs of tokens such as `<0xE4>` as UTF-8; a run that is not valid as a whole becomes one U+FFFD for each byte.
 *
 * Differs from HF's stream: a run is held back until it ends, since one more byte can still turn all of it to U+FFFD.
 */
export const byteFallbackStep: DecoderStep = (next) => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let run: number[] = [];
  const endRun = (): void => {
    if (run.length === 0) return;
    const text = decodeRun(run, decoder);
    run = [];
    for (const token of text) passOn(token, next);
  };
  return bufferTokens({
    token: (token) => {
      if (token.length === 6 && BYTE_TOKEN.test(token)) {
        run.push(Number.parseInt(token.slice(3, 5), 16));
        return;
      }
      endRun();
      passOn(token, next);
    },
    end: () => {
      endRun();
      next.end();
    },
  });
};

function decodeRun(run: readonly number[], decoder: TextDecoder): string[] {
  try {
    return [decoder.decode(Uint8Array.from(run))];
  } catch {
    return run.map(() => "\uFFFD");
  }
}
