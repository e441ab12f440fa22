import type { Completion } from "../src/index.ts";

/** A completion of which a test cares about some fields. */
export function completionOf(text: string, fields: Partial<Completion> = {}): Completion {
  const prompt = { ids: Int32Array.of(1, 2) };
  return { prompt, promptIndex: 0, sampleIndex: 0, tokens: Int32Array.of(5), text, stopped: true, ...fields };
}
