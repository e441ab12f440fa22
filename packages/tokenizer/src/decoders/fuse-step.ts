import type { DecoderStep } from "./token-sink.ts";

/** All tokens as one, for the decoders behind it. */
export const fuseStep: DecoderStep = (next) => ({
  write: (part) => next.write(part),
  close: () => {},
  end: () => {
    next.close();
    next.end();
  },
});
