import { parseTokenizer } from "@ds3/tokenizer";
import { Tokenizer as JsTokenizer } from "@huggingface/tokenizers";
import { Tokenizer as RustTokenizer } from "tokenizers";

/** A tokenizer made from a tokenizer.json. */
export interface Contender {
  /** Encode texts one call after the other; returns the number of ids, where that costs nothing. */
  pass(texts: readonly string[]): number | Promise<number>;
  ids(text: string): ArrayLike<number> | Promise<ArrayLike<number>>;
}

/** Ours. */
export function ds3(json: string): Contender {
  const tokenizer = parseTokenizer(json);
  const ids = (text: string): Int32Array => tokenizer.encode(text, { addSpecialTokens: false });
  const pass = (texts: readonly string[]): number => {
    let count = 0;
    for (const text of texts) count += ids(text).length;
    return count;
  };
  return { pass, ids };
}

/** npm `tokenizers`: Hugging Face's Rust code. A pass leaves the ids on its side: taking them over would be its cost, too. */
export function rust(json: string): Contender {
  const tokenizer = RustTokenizer.fromString(json);
  const options = { addSpecialTokens: false };
  return {
    async pass(texts) {
      let count = 0;
      for (const text of texts) count += (await tokenizer.encode(text, null, options)).getLength();
      return count;
    },
    ids: async (text) => (await tokenizer.encode(text, null, options)).getIds(),
  };
}

/** npm `@huggingface/tokenizers`: the same in JavaScript. */
export function hfJs(json: string): Contender {
  const tokenizer = new JsTokenizer(JSON.parse(json), {});
  const ids = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const pass = (texts: readonly string[]): number => {
    let count = 0;
    for (const text of texts) count += ids(text).length;
    return count;
  };
  return { pass, ids };
}
