import { WordMerger } from "../bpe/merge-word.ts";
import type { Merges } from "../bpe/pair-table.ts";
import type { IntBuffer } from "../growable.ts";
import type { Model, TokenSpans } from "../model.ts";
import { PieceCache } from "./piece-cache.ts";
import { findSeams, type Seams } from "./seams.ts";
import { type SymbolOptions, SymbolReader } from "./symbol-reader.ts";
import { charactersOfBytes, clearSpans, createTokenSpans, pushSpan } from "./token-spans.ts";
import { type Dropout, TrackedMerger } from "./tracked-merger.ts";

/** Options of BPE over characters, named as in tokenizer.json. */
export interface CharacterBpeOptions extends SymbolOptions {
  /** A piece that is a token is that token, whatever the merges would make of it; not with dropout. */
  readonly ignoreMerges: boolean;
  readonly dropout?: Dropout | undefined;
}

/** Which neighbours of an unknown character a cut must not part it from. */
type UnknownJoins = "none" | "unknown" | "all";

/**
 * BPE over characters: the original form (Sennrich et al. 2016), and SentencePiece's with byte fallback.
 *
 * SentencePiece's tokenizers cut nothing before the model: a document is one piece. It is cut at seams here (see
 * `Seams`), each part is cached, and what has no seams is merged by a heap: linear but for a logarithm, on any text.
 */
export class CharacterBpeModel implements Model {
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #options: CharacterBpeOptions;
  readonly #wordMerger: WordMerger;
  readonly #reader: SymbolReader;
  readonly #merger: TrackedMerger;
  readonly #seams: Seams | undefined;
  /** How texts are cut before they are read; undefined when they are not. */
  readonly #unknownJoins: UnknownJoins | undefined;
  readonly #longestToken: number;
  readonly #cache: PieceCache = new PieceCache((text, from, to, out) => this.#merge(text, from, to, out));
  readonly #scratch: TokenSpans = createTokenSpans();

  constructor(vocab: ReadonlyMap<string, number>, merges: Merges, options: CharacterBpeOptions) {
    this.#vocab = vocab;
    this.#options = options;
    this.#wordMerger = new WordMerger(merges);
    this.#reader = new SymbolReader(vocab, options);
    this.#merger = new TrackedMerger(merges, this.#wordMerger.pairs, options.dropout);
    this.#seams = findSeams(merges, this.#reader.possibleSymbols());
    this.#unknownJoins = this.#seams === undefined ? undefined : unknownJoins(this.#reader, merges, options);
    this.#longestToken = [...vocab.keys()].reduce((longest, token) => Math.max(longest, token.length), 0);
  }

  encodePiece(text: string, from: number, to: number, out: IntBuffer): void {
    if (this.#options.dropout !== undefined) {
      clearSpans(this.#scratch);
      this.encodeSpans(text, from, to, this.#scratch);
      for (let i = 0; i < this.#scratch.ids.length; i++) out.push(this.#scratch.ids.data[i]!);
      return;
    }
    const id = this.#wholeToken(text, from, to);
    if (id !== undefined) out.push(id);
    else if (this.#unknownJoins === undefined) this.#cache.encode(text, from, to, out);
    else this.#encodeBySeams(text, from, to, out);
  }

  encodeSpans(text: string, from: number, to: number, out: TokenSpans): void {
    const id = this.#options.dropout === undefined ? this.#wholeToken(text, from, to) : undefined;
    if (id !== undefined) {
      pushSpan(out, id, from, to);
      return;
    }
    this.#reader.read(text, from, to);
    const { symbols, lengths, count } = this.#reader;
    const characters = charactersOfBytes(text, from, to);
    let byte = 0;
    for (let start = 0, end = 0; start < count; start = end) {
      end = this.#endOfRun(symbols, start, count);
      const run = symbols.subarray(start, end);
      const runLengths = lengths.subarray(start, end);
      const tokens = this.#merger.merge(run, runLengths, end - start);
      for (let i = 0; i < tokens; i++) {
        // Dropped characters let later ranges slip forwards, as in HF; a range never leaves the text.
        const last = Math.min(byte + runLengths[i]!, characters.length) - 1;
        pushSpan(out, run[i]!, characters.starts[Math.min(byte, last)]!, characters.ends[last]!);
        byte += runLengths[i]!;
      }
    }
  }

  #wholeToken(text: string, from: number, to: number): number | undefined {
    if (!this.#options.ignoreMerges || to - from > this.#longestToken) return undefined;
    return this.#vocab.get(text.slice(from, to));
  }

  /** Where the run of symbols that merges may join ends. With dropout a piece stays whole: one queue puts merges off. */
  #endOfRun(symbols: Int32Array, start: number, count: number): number {
    if (this.#seams === undefined || this.#options.dropout !== undefined) return count;
    let end = start + 1;
    while (end < count && this.#seams.joins(symbols[end - 1]!, symbols[end]!)) end++;
    return end;
  }

  #encodeBySeams(text: string, from: number, to: number, out: IntBuffer): void {
    const { characters } = this.#reader;
    let start = from;
    let previous = -1;
    for (let i = from; i < to; ) {
      const code = text.codePointAt(i)!;
      const id = characters.idOf(code);
      if (i > start && !this.#joins(previous, id)) {
        this.#cache.encode(text, start, i, out);
        start = i;
      }
      previous = id;
      i += code > 0xffff ? 2 : 1;
    }
    if (start < to) this.#cache.encode(text, start, to, out);
  }

  /** Whether two neighbouring characters, -1 for an unknown one, must stay together. */
  #joins(left: number, right: number): boolean {
    if (left >= 0 && right >= 0) return this.#seams!.joins(left, right);
    return this.#unknownJoins === "all" || (this.#unknownJoins === "unknown" && left < 0 && right < 0);
  }

  #merge(text: string, from: number, to: number, out: IntBuffer): void {
    this.#reader.read(text, from, to);
    const { symbols } = this.#reader;
    const count = this.#wordMerger.merge(symbols, this.#reader.count);
    for (let i = 0; i < count; i++) out.push(symbols[i]!);
  }
}

/**
 * Bytes never join anything when no merge has them; unknown tokens may fuse with each other, and bytes of a neighbour
 * overtake them; dropping a character makes its neighbours meet. Undefined where merges have such tokens, or where a
 * character's symbol goes by its place.
 */
function unknownJoins(reader: SymbolReader, merges: Merges, options: CharacterBpeOptions): UnknownJoins | undefined {
  if (options.continuingSubwordPrefix !== "" || options.endOfWordSuffix !== "") return undefined;
  const special = new Set([...(reader.byteIds ?? []), reader.unknown ?? -1].filter((id) => id >= 0));
  if (merges.left.some((id) => special.has(id)) || merges.right.some((id) => special.has(id))) return undefined;
  const bytes = reader.byteIds?.filter((id) => id >= 0).length ?? 0;
  if (bytes === 256) return "none";
  return options.unkToken === undefined ? "all" : "unknown";
}
