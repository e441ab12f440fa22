import { sizeAt } from "../aligned-text.ts";
import type { Splitter } from "../pre-tokenizer.ts";
import { ANY_SCRIPT, scriptNumbers } from "../unicode/hf-classes.ts";

/**
 * UnicodeScripts: a cut where the script changes. Characters of any script go with what is before them; at the start of
 * a text, where nothing is, HF drops them, and so does this.
 */
export function unicodeScripts(): Splitter {
  const scripts = scriptNumbers();
  return {
    split(text, emit) {
      let from = -1;
      let last = ANY_SCRIPT;
      for (let at = 0; at < text.length; at += sizeAt(text, at)) {
        const script = scripts[text.codePointAt(at)!]!;
        if (script === ANY_SCRIPT || script === last) continue;
        if (from >= 0) emit(from, at);
        from = at;
        last = script;
      }
      if (from >= 0) emit(from, text.length);
    },
  };
}
