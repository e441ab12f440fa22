/**
 * Oniguruma patterns of tokenizer.json as JavaScript regular expressions.
 *
 * HF tokenizers runs Oniguruma with the tables of Unicode 16. The two languages look alike and differ where it hurts:
 * what `\s \w \d \b . ^ $` mean, which characters a property has, `(?i:)` with its foldings such as `ß` to `ss`,
 * possessive quantifiers and atomic groups, `\A \z \Z \h \R`, brackets inside brackets, `[:alpha:]`, `&&`, `{,n}`. So a
 * pattern is read as Oniguruma reads it and written anew, with every class of characters spelled out from this package's
 * own tables: the engine's Unicode version does not matter.
 *
 * Refused by name: back references and calls, `\G \K \X`, conditions, absent groups, options other than i, m and x, an
 * atomic group or a look-around inside a look-behind, and loops whose body may match nothing before it tries something.
 */
import { Translator } from "./regex/translator.ts";

/**
 * Translate one pattern to a global, Unicode-aware RegExp.
 *
 * Use it through `regexMatcher`, which knows what counts as a match where V8 and Oniguruma differ (empty ones).
 * @throws UnsupportedTokenizerError naming the construct that would differ, with its offset; also for what Oniguruma
 * itself refuses.
 */
export function fromOniguruma(pattern: string): RegExp {
  return new RegExp(new Translator(pattern).translate(), "gu");
}
