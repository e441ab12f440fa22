/** Pre-tokenizers that cut by classes of characters. Each is made on first use: its table is 64 KiB. */
import { composed, type Splitter } from "../pre-tokenizer.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { numericCharacters, punctuationCharacters } from "../unicode/hf-classes.ts";
import { characterMatcher } from "./matchers.ts";
import { type Matcher, type SplitBehavior, splitAt } from "./split-behavior.ts";

const lazily = (create: () => Matcher): (() => Matcher) => {
  let matcher: Matcher | undefined;
  return () => {
    matcher ??= create();
    return matcher;
  };
};

const whiteSpace = lazily(() => characterMatcher(codePointsOf("White_Space")));
const numeric = lazily(() => characterMatcher(numericCharacters()));
const punctuation = lazily(() => characterMatcher(punctuationCharacters()));

/** WhitespaceSplit: what lies between white space. */
export function whitespaceSplit(): Splitter {
  return splitAt(whiteSpace(), "Removed");
}

/** Digits: numbers apart from the rest, each digit by itself if asked for. */
export function digits(individualDigits: boolean): Splitter {
  return splitAt(numeric(), individualDigits ? "Isolated" : "Contiguous");
}

/** Punctuation. */
export function punctuationSplit(behavior: SplitBehavior): Splitter {
  return splitAt(punctuation(), behavior);
}

/** BertPreTokenizer: words between white space, punctuation marks by themselves. */
export function bertPreTokenizer(): Splitter {
  return composed([whitespaceSplit(), punctuationSplit("Isolated")]);
}
