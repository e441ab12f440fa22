import { ConfigError, OutOfRangeError } from "@ds3/errors";
import type { AddedToken } from "./added-tokens.ts";
import { collectTokenBytes, type TokenBytes } from "./bpe/bpe-model.ts";
import { DecodeStream } from "./decode-stream.ts";
import type { Decoder } from "./decoders/decoder.ts";
import { Encoding, type OffsetUnit } from "./encoding/encoding.ts";
import type { EncodingColumns } from "./encoding/encoding-columns.ts";
import { convertOffsets, snapToCharacters } from "./encoding/offset-units.ts";
import type { Padding } from "./encoding/padding.ts";
import { PostProcess } from "./encoding/post-process.ts";
import { requirePadding, requireTruncation } from "./encoding/require-settings.ts";
import type { Truncation } from "./encoding/truncation.ts";
import { IntBuffer } from "./growable.ts";
import type { JsonObject } from "./json-reader.ts";
import type { ModelPart } from "./models/model-part.ts";
import { type NewToken, withFlags } from "./new-token.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import { Pipeline } from "./pipeline.ts";
import type { PostProcessor } from "./post-processor.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";
import { requireText } from "./require-text.ts";
import { writeTokenizerJson } from "./tokenizer-json.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Options of `Tokenizer.encode`. */
export interface EncodeOptions {
  /** Add what the post-processor's template adds, such as a begin token. Default true, as in HF tokenizers. */
  readonly addSpecialTokens?: boolean;
  /**
   * Which added and special tokens are found in the text itself: all (the default, as in HF tokenizers), or none, so that
   * a text that spells `<s>` is encoded like any other, as if no token had been added. A model whose own vocabulary
   * holds such a text as a word still gives that word's id.
   */
  readonly addedTokens?: "all" | "none";
}

/** Options of `Tokenizer.encodeBatch`. */
export interface EncodeBatchOptions extends EncodeOptions {
  /** What offsets count. Default "utf16", as `String.prototype.slice` does. */
  readonly unit?: OffsetUnit;
}

/** Options of `Tokenizer.encodeWithOffsets`. */
export interface EncodeWithOffsetsOptions extends EncodeBatchOptions {
  /** A second text, for templates of two. */
  readonly pair?: string | undefined;
}

/** Options of `Tokenizer.decode` and `DecodeStream`. */
export interface DecodeOptions {
  /** Leave out tokens marked special. Default false. */
  readonly skipSpecialTokens?: boolean;
}

/** Everything a tokenizer is made of, read from a file or trained. */
export interface TokenizerParts {
  readonly normalizer: Normalizer | undefined;
  readonly preTokenizer: PreTokenizer;
  readonly model: ModelPart;
  readonly postProcessor: PostProcessor;
  readonly decoder: Decoder;
  readonly addedTokens: readonly AddedToken[];
  readonly truncation: Truncation | undefined;
  readonly padding: Padding | undefined;
  /** The sections of tokenizer.json that are written back as they were read. */
  readonly sections: JsonObject;
}

/** A longer buffer of ids, of some exceptional text, is not kept. */
const KEPT_IDS = 1 << 20;

/**
 * A tokenizer with the ids, offsets and decoded texts of HF tokenizers for the same tokenizer.json.
 *
 * Made by `parseTokenizer`, `trainBpe` and the other trainers. An instance keeps a cache of words and is not shared
 * between threads.
 */
export class Tokenizer {
  /** Turns tokens into text. */
  readonly decoder: Decoder;
  readonly #parts: TokenizerParts;
  readonly #vocabulary: Vocabulary;
  readonly #pipeline: Pipeline;
  readonly #postProcess: PostProcess;
  /** Where `encode` collects ids, kept from text to text. */
  #ids: IntBuffer = new IntBuffer(0);
  #tokenBytes: TokenBytes | undefined;

  constructor(parts: TokenizerParts) {
    const { normalizer, preTokenizer, model } = parts;
    this.#parts = parts;
    this.decoder = parts.decoder;
    this.#vocabulary = new Vocabulary(model.vocab, parts.addedTokens, normalizer);
    this.#pipeline = new Pipeline({
      normalizer,
      preTokenizer,
      model: model.model,
      vocabulary: this.#vocabulary,
      spelledAsText: model.type === "Unigram" ? ((model.settings.unk_id as number | null) ?? undefined) : undefined,
    });
    const spell = (id: number): string => this.#vocabulary.tokenOf(id) ?? "";
    this.#postProcess = new PostProcess(parts.postProcessor, spell, parts.truncation, parts.padding);
  }

  /** One more than the highest id: the number of rows that an embedding table needs. */
  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  /** The added tokens marked special, by rising id. */
  get specialTokens(): readonly string[] {
    return this.#vocabulary.added.filter(({ special }) => special).map(({ content }) => content);
  }

  /** All added tokens, by rising id. */
  get addedTokens(): readonly AddedToken[] {
    return this.#vocabulary.added;
  }

  /**
   * The ids of a text.
   *
   * Added and special tokens are found in the text itself, as in HF, unless `addedTokens` is "none". A lone surrogate
   * counts as U+FFFD. Cut and padded when the tokenizer truncates or pads.
   * Cost: linear in the text.
   */
  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const around = this.#postProcess.around(options.addSpecialTokens ?? true);
    if (around === undefined) return this.encodeWithOffsets(text, options).ids;
    const wellFormed = requireText(text);
    const out = this.#ids;
    out.length = 0;
    for (const id of around.before) out.push(id);
    this.#pipeline.encodeInto(wellFormed, out, findsAdded(options));
    for (const id of around.after) out.push(id);
    const ids = out.toArray();
    if (out.data.length > KEPT_IDS) this.#ids = new IntBuffer(0);
    return ids;
  }

  /**
   * The tokens of a text, or of two, with their places in it: HF's `encode`.
   *
   * The ids are those of `encode`, which is several times as fast.
   * @throws OutOfRangeError when truncation cannot reach its length; StateError when it is to cut a second text that is
   * not there.
   */
  encodeWithOffsets(text: string, options: EncodeWithOffsetsOptions = {}): Encoding {
    const [encoding] = this.#encodeAll([options.pair === undefined ? text : [text, options.pair]], options);
    return encoding!;
  }

  /** The same for many texts or pairs of texts; padding without a length goes by the longest of them. */
  encodeBatch(inputs: Iterable<string | readonly [string, string]>, options: EncodeBatchOptions = {}): Encoding[] {
    return this.#encodeAll(inputs, options);
  }

  /**
   * The text of some ids, by the file's decoder. Bytes that are no UTF-8 become U+FFFD: with ByteLevel one for each
   * maximal part of a character.
   * @throws OutOfRangeError for an id without a token.
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const skip = options.skipSpecialTokens ?? false;
    if (this.decoder.isByteLevel) return this.#decodeBytes(ids, skip);
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.tokenOf(id);
      if (token === undefined) throw unknownId(id, this.vocabSize);
      if (!skip || !this.isSpecial(id)) tokens.push(token);
    }
    return this.decoder.decode(tokens);
  }

  /** Decodes ids as they come. */
  decodeStream(options: DecodeOptions = {}): DecodeStream {
    return new DecodeStream(this, options);
  }

  /** Id of a token as the vocabulary spells it (`Ġthe`, `<｜User｜>`), or undefined. */
  idOf(token: string): number | undefined {
    return this.#vocabulary.idOf(token);
  }

  /**
   * The token of an id as the vocabulary spells it, or undefined. An added token that is searched in normalized text is
   * given as normalized (Llama 2's `<s>` is `▁<s>`), as in HF.
   */
  tokenOf(id: number): string | undefined {
    return this.#vocabulary.decodedAs(id);
  }

  /** True for an id that `skipSpecialTokens` drops. */
  isSpecial(id: number): boolean {
    return this.#vocabulary.isSpecial(id);
  }

  /**
   * The bytes that an id stands for (a view, not to be written to); part of a character for some ids. Where the decoder
   * is not ByteLevel: the UTF-8 of the token as the vocabulary spells it.
   * @throws OutOfRangeError for an id without a token.
   */
  bytesOf(id: number): Uint8Array {
    if (this.tokenOf(id) === undefined) throw unknownId(id, this.vocabSize);
    if (!this.decoder.isByteLevel) return new TextEncoder().encode(this.tokenOf(id));
    this.#tokenBytes ??= collectTokenBytes(Array.from({ length: this.vocabSize }, (_, each) => this.tokenOf(each)));
    const { bytes, starts } = this.#tokenBytes;
    return bytes.subarray(starts[id]!, starts[id + 1]!);
  }

  /**
   * Add tokens that are found in a text before anything else; those that are not in the vocabulary take the next ids.
   * A model's embedding table has to grow with `vocabSize`.
   * @returns how many are new, or have other flags than before.
   * @throws ConfigError for an empty text, and for a string in place of a list.
   */
  addTokens(tokens: Iterable<NewToken>): number {
    this.#tokenBytes = undefined;
    return this.#vocabulary.add(withFlags(tokens));
  }

  /**
   * Cut what is encoded from now on to a length; `undefined` ends it.
   * @throws OutOfRangeError for lengths that are no whole numbers, and when the stride leaves no room.
   */
  setTruncation(truncation: Truncation | undefined): void {
    if (truncation !== undefined) requireTruncation(truncation);
    this.#postProcess.setTruncation(truncation);
  }

  /**
   * Fill what is encoded from now on up to a length; `undefined` ends it.
   * @throws OutOfRangeError for lengths and ids that are no whole numbers.
   */
  setPadding(padding: Padding | undefined): void {
    if (padding !== undefined) requirePadding(padding);
    this.#postProcess.padding = padding;
  }

  /** The tokenizer as tokenizer.json, laid out as HF tokenizers lays it out. */
  toJson(): string {
    const { sections, model } = this.#parts;
    const { truncation, padding } = this.#postProcess;
    return writeTokenizerJson({ sections, model, truncation, padding, addedTokens: this.#vocabulary.added });
  }

  #encodeAll(inputs: Iterable<string | readonly [string, string]>, options: EncodeBatchOptions): Encoding[] {
    const { addSpecialTokens = true, unit = "utf16" } = options;
    const extra: string[] = [];
    const post = this.#postProcess;
    const drafts = Array.from(inputs, (input) => {
      const texts = (Array.isArray(input) ? (input as readonly string[]) : [input]).map(requireText);
      const sequences = texts.map((text, i) => this.#track(text, i, extra, options));
      const draft = post.process(sequences, addSpecialTokens, extra);
      if (unit === "utf16") snapToCharacters(draft, texts);
      return draft;
    });
    const spell = (spelling: number): string =>
      spelling >= 0 ? (this.#vocabulary.tokenOf(spelling) ?? "") : extra[-1 - spelling]!;
    return post.pad(drafts, extra).map((draft) => new Encoding(draft, spell));
  }

  #track(text: string, sequence: number, extra: string[], options: EncodeBatchOptions): EncodingColumns {
    const limit = this.#postProcess.limitOf(sequence);
    const columns = this.#pipeline.encodeTracked(text, sequence, extra, { limit, findAdded: findsAdded(options) });
    convertOffsets(columns.offsets, text, options.unit ?? "utf16");
    return columns;
  }

  #decodeBytes(ids: Iterable<number>, skip: boolean): string {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      const bytes = this.bytesOf(id);
      if (skip && this.isSpecial(id)) continue;
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
}

function findsAdded({ addedTokens = "all" }: EncodeOptions): boolean {
  if (addedTokens === "all" || addedTokens === "none") return addedTokens === "all";
  const actual = JSON.stringify(addedTokens);
  throw new ConfigError({ op: "encode", operand: "addedTokens", expected: '"all" or "none"', actual });
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
