import { OutOfRangeError } from "@ds3/errors";
import { type AddedToken, AddedTokenMatcher } from "./added-tokens.ts";
import { BpeModel, collectTokenBytes, type TokenBytes } from "./bpe-model.ts";
import { IntBuffer } from "./growable.ts";
import type { JsonObject } from "./json-reader.ts";
import type { Merges } from "./pair-table.ts";
import { eachPiece, type PreTokenizer } from "./pre-tokenizer.ts";
import { writeTokenizerJson } from "./tokenizer-json.ts";
import { toWellFormed } from "./utf8.ts";

/** Options of `Tokenizer.encode`. */
export interface EncodeOptions {
  /** Add what the post-processor's template adds, such as a begin token. Default true, as in HF tokenizers. */
  readonly addSpecialTokens?: boolean;
}

/** Options of `Tokenizer.decode` and `DecodeStream`. */
export interface DecodeOptions {
  /** Leave out tokens marked special. Default false. */
  readonly skipSpecialTokens?: boolean;
}

/** Everything a tokenizer is made of, read from a file or trained. */
export interface TokenizerParts {
  /** The model's vocabulary, in the order of its ids. */
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: Merges;
  readonly addedTokens: readonly AddedToken[];
  readonly preTokenizer: PreTokenizer;
  /** Ids that `addSpecialTokens` puts before and after a text. */
  readonly template: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** The rest of tokenizer.json, written back unchanged. */
  readonly settings: JsonObject;
}

/**
 * A byte-level BPE tokenizer with the ids of HF tokenizers for the same tokenizer.json.
 *
 * Made by `trainBpe` and `parseTokenizer`. An instance keeps a cache of words and is not shared between threads.
 */
export class Tokenizer {
  /** One more than the highest id: the number of rows that an embedding table needs. */
  readonly vocabSize: number;
  /** The tokens that `skipSpecialTokens` drops, by rising id. */
  readonly specialTokens: readonly string[];
  readonly #parts: TokenizerParts;
  readonly #model: BpeModel;
  readonly #tokens: readonly (string | undefined)[];
  readonly #idOfAdded: ReadonlyMap<string, number>;
  readonly #specialIds: ReadonlySet<number>;
  readonly #matchers: readonly AddedTokenMatcher[];
  #tokenBytes: TokenBytes | undefined;

  constructor(parts: TokenizerParts) {
    this.#parts = parts;
    this.#model = new BpeModel(parts.vocab, parts.merges);
    this.#tokens = tokensById(parts);
    this.vocabSize = this.#tokens.length;
    this.#idOfAdded = new Map(parts.addedTokens.map(({ content, id }) => [content, id]));
    const special = parts.addedTokens.filter((token) => token.special).sort((a, b) => a.id - b.id);
    this.specialTokens = special.map((token) => token.content);
    this.#specialIds = new Set(special.map((token) => token.id));
    this.#matchers = [false, true]
      .map((normalized) => parts.addedTokens.filter((token) => token.normalized === normalized))
      .filter((tokens) => tokens.length > 0)
      .map((tokens) => new AddedTokenMatcher(tokens));
  }

  /**
   * The ids of a text.
   *
   * Added and special tokens are found in the text itself, as in HF. A lone surrogate counts as U+FFFD.
   * Cost: linear in the text but for long pieces, O(n log n) in the length of a piece.
   */
  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const wellFormed = toWellFormed(text);
    const { before, after } = options.addSpecialTokens === false ? { before: [], after: [] } : this.#parts.template;
    const out = new IntBuffer((text.length >> 1) + before.length + after.length);
    for (const id of before) out.push(id);
    this.#encodeFrom(0, wellFormed, out);
    for (const id of after) out.push(id);
    return out.toArray();
  }

  /**
   * The text of some ids. Bytes that are no UTF-8 become U+FFFD, one for each maximal part of a character.
   * @throws OutOfRangeError for an id without a token.
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      const bytes = this.bytesOf(id);
      if (options.skipSpecialTokens && this.#specialIds.has(id)) continue;
      parts.push(bytes);
      length += bytes.length;
    }
    const joined = new Uint8Array(length);
    let position = 0;
    for (const bytes of parts) {
      joined.set(bytes, position);
      position += bytes.length;
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(joined);
  }

  /** Id of a token as the vocabulary spells it (`Ġthe`, `<｜User｜>`), or undefined. */
  idOf(token: string): number | undefined {
    return this.#idOfAdded.get(token) ?? this.#parts.vocab.get(token);
  }

  /** The token of an id as the vocabulary spells it, or undefined. */
  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** True for an id that `skipSpecialTokens` drops. */
  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  /**
   * The bytes that an id stands for (a view, not to be written to); part of a character for some ids.
   * @throws OutOfRangeError for an id without a token.
   */
  bytesOf(id: number): Uint8Array {
    if (this.#tokens[id] === undefined) throw unknownId(id, this.vocabSize);
    this.#tokenBytes ??= collectTokenBytes(this.#tokens);
    const { bytes, starts } = this.#tokenBytes;
    return bytes.subarray(starts[id]!, starts[id + 1]!);
  }

  /** The tokenizer as tokenizer.json, laid out as HF tokenizers lays it out. */
  toJson(): string {
    return writeTokenizerJson(this.#parts);
  }

  /** Cut at the added tokens of matcher `level`, then of the next; what is left is ordinary text. */
  #encodeFrom(level: number, text: string, out: IntBuffer): void {
    const matcher = this.#matchers[level];
    if (matcher === undefined) {
      const model = this.#model;
      eachPiece(this.#parts.preTokenizer, text, true, (piece, from, to) => model.encodePiece(piece, from, to, out));
      return;
    }
    matcher.split(text, (from, to, id) => {
      if (id >= 0) out.push(id);
      else this.#encodeFrom(level + 1, from === 0 && to === text.length ? text : text.slice(from, to), out);
    });
  }
}

function tokensById({ vocab, addedTokens }: TokenizerParts): (string | undefined)[] {
  let highest = -1;
  for (const id of vocab.values()) highest = Math.max(highest, id);
  for (const { id } of addedTokens) highest = Math.max(highest, id);
  const tokens = new Array<string | undefined>(highest + 1).fill(undefined);
  for (const [token, id] of vocab) tokens[id] = token;
  for (const { id, content } of addedTokens) tokens[id] = content;
  return tokens;
}

function unknownId(id: number, vocabSize: number): OutOfRangeError {
  return new OutOfRangeError({
    op: "decode",
    operand: "ids",
    expected: `ids of tokens, below vocabSize ${vocabSize}`,
    actual: String(id),
    hint: "Decode with the tokenizer that the ids come from; a model's padded vocabulary may hold ids without a token.",
  });
}
