import { type AlignedText, AlignedTextBuilder } from "../aligned-text.ts";
import { type PreTokenizer, rewriting, wholeText } from "../pre-tokenizer.ts";
import { stringMatcher } from "./matchers.ts";
import { splitAt } from "./split-behavior.ts";

/** When Metaspace puts its mark before a text: before each, before the one at the start of the input, or never. */
export type PrependScheme = "always" | "first" | "never";

/** Metaspace: spaces become a visible mark (`▁`), and with `split` each begins a piece. */
export function metaspace(replacement: string, scheme: PrependScheme, split: boolean): PreTokenizer {
  const splitter = split ? splitAt(stringMatcher(replacement), "MergedWithNext") : wholeText;
  return rewriting((input) => markSpaces(input, replacement, scheme), splitter);
}

function markSpaces(input: AlignedText, replacement: string, scheme: PrependScheme): AlignedText {
  const { text, atStart } = input;
  const builder = new AlignedTextBuilder(input);
  const isMarked = text.startsWith(" ") || text.startsWith(replacement);
  if (text !== "" && !isMarked && (scheme === "always" || (scheme === "first" && atStart))) builder.put(replacement, 0);
  let end = 0;
  for (let at = text.indexOf(" "); at >= 0; at = text.indexOf(" ", end)) {
    builder.copy(end, at);
    builder.put(replacement, at);
    end = at + 1;
  }
  builder.copy(end, text.length);
  return builder.build();
}
