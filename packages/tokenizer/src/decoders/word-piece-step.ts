import { replaceEvery } from "./replace-every.ts";
import { type DecoderStep, mapTokens } from "./token-sink.ts";

/** What `cleanup` undoes, in order: spaces that a tokenizer of English put before punctuation and contractions. */
const ARTIFACTS: readonly (readonly [from: string, to: string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Undo the spacing of English punctuation within one token. */
export function cleanUp(token: string): string {
  return ARTIFACTS.reduce((text, [from, to]) => replaceEvery(text, from, to), token);
}

/** WordPiece's decoder: a token joins its predecessor when it has the prefix (which is cut), else a space comes first. */
export function wordPieceStep(prefix: string, cleanup: boolean): DecoderStep {
  return mapTokens((token, index) => {
    const joined = index === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
    return cleanup ? cleanUp(joined) : joined;
  });
}
