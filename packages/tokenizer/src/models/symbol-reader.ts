import { grown } from "../growable.ts";
import { idsOfByteTokens } from "./byte-tokens.ts";
import { CharacterTable } from "./character-table.ts";
import { utf8Length } from "./token-spans.ts";
import { unknownTextError } from "./unknown-text-error.ts";

const encoder = new TextEncoder();

/** Options of BPE that decide what a piece consists of before any merge, named as in tokenizer.json. */
export interface SymbolOptions {
  readonly unkToken?: string | undefined;
  /** Before every character of a piece but the first. */
  readonly continuingSubwordPrefix: string;
  /** After the last character of a piece. */
  readonly endOfWordSuffix: string;
  /** One unknown token for neighbouring unknown characters. */
  readonly fuseUnk: boolean;
  /** Spell an unknown character by byte tokens when the vocabulary has all that it needs. */
  readonly byteFallback: boolean;
}

/**
 * The symbols that a piece begins as: one for each character, byte tokens or the unknown token where there is none.
 *
 * `symbols[i]` is an id, `lengths[i]` the bytes it covers. An unknown character is dropped where the model has neither.
 */
export class SymbolReader {
  symbols: Int32Array = new Int32Array(256);
  lengths: Int32Array = new Int32Array(256);
  count = 0;
  /** Characters that stand alone: the only table when neither prefix nor suffix is set. */
  readonly characters: CharacterTable;
  /** Ids of the byte tokens; undefined without byte fallback. */
  readonly byteIds: Int32Array | undefined;
  /** Id of the unknown token; undefined when the model names none, or the vocabulary lacks it. */
  readonly unknown: number | undefined;
  readonly #options: SymbolOptions;
  readonly #first: CharacterTable;
  readonly #middle: CharacterTable;
  readonly #last: CharacterTable;
  #pendingLength = 0;

  constructor(vocab: ReadonlyMap<string, number>, options: SymbolOptions) {
    const { continuingSubwordPrefix: prefix, endOfWordSuffix: suffix, unkToken } = options;
    this.#options = options;
    this.#first = new CharacterTable(vocab, "", "");
    this.#middle = prefix === "" ? this.#first : new CharacterTable(vocab, prefix, "");
    this.characters = suffix === "" ? this.#first : new CharacterTable(vocab, "", suffix);
    this.#last =
      suffix === "" ? this.#middle : prefix === "" ? this.characters : new CharacterTable(vocab, prefix, suffix);
    this.byteIds = options.byteFallback ? idsOfByteTokens(vocab) : undefined;
    this.unknown = unkToken === undefined ? undefined : vocab.get(unkToken);
  }

  /** All ids that can be symbols. */
  possibleSymbols(): Set<number> {
    const tables = new Set([this.#first, this.#middle, this.characters, this.#last]);
    const ids = [...tables].flatMap((table) => table.ids());
    const bytes = [...(this.byteIds ?? [])].filter((id) => id >= 0);
    return new Set([...ids, ...bytes, ...(this.unknown === undefined ? [] : [this.unknown])]);
  }

  /** Read `text[from, to)`. @throws OutOfRangeError when the unknown token is needed and the vocabulary lacks it. */
  read(text: string, from: number, to: number): void {
    this.count = 0;
    this.#pendingLength = 0;
    for (let i = from; i < to; ) {
      const code = text.codePointAt(i)!;
      const next = i + (code > 0xffff ? 2 : 1);
      const id = this.#tableAt(i === from, next === to).idOf(code);
      if (id < 0) this.#readUnknown(code, i === from, next === to);
      else {
        this.#releasePending();
        this.#push(id, utf8Length(code));
      }
      i = next;
    }
    this.#releasePending();
  }

  #tableAt(isFirst: boolean, isLast: boolean): CharacterTable {
    if (isFirst) return isLast ? this.characters : this.#first;
    return isLast ? this.#last : this.#middle;
  }

  #readUnknown(code: number, isFirst: boolean, isLast: boolean): void {
    const character = String.fromCodePoint(code);
    if (this.#spellByBytes(character, isFirst, isLast)) return;
    const { unkToken, fuseUnk } = this.#options;
    if (unkToken === undefined) return;
    if (this.unknown === undefined) throw unknownTextError(character, unkToken);
    if (!fuseUnk) this.#releasePending();
    this.#pendingLength += utf8Length(code);
  }

  /** As in HF, the bytes are those of the character with its prefix and suffix, and overtake a pending unknown token. */
  #spellByBytes(character: string, isFirst: boolean, isLast: boolean): boolean {
    if (this.byteIds === undefined) return false;
    const prefix = isFirst ? "" : this.#options.continuingSubwordPrefix;
    const bytes = encoder.encode(prefix + character + (isLast ? this.#options.endOfWordSuffix : ""));
    if (bytes.some((byte) => this.byteIds![byte]! < 0)) return false;
    for (const byte of bytes) this.#push(this.byteIds[byte]!, 1);
    return true;
  }

  #releasePending(): void {
    if (this.#pendingLength > 0) this.#push(this.unknown!, this.#pendingLength);
    this.#pendingLength = 0;
  }

  #push(id: number, length: number): void {
    if (this.count === this.symbols.length) {
      this.symbols = grown(this.symbols, this.count + 1);
      this.lengths = grown(this.lengths, this.count + 1);
    }
    this.symbols[this.count] = id;
    this.lengths[this.count++] = length;
  }
}
