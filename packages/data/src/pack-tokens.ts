import { OutOfRangeError } from "@ds3/errors";
import type { Document } from "./document.ts";
import { EmptyDataError } from "./empty-data-error.ts";

/** Documents joined to one stream of token ids. */
export interface PackedTokens {
  /** [N] ids of all documents, end to end. */
  readonly tokens: Int32Array;
  /** [documents] rising positions in `tokens` where a document begins; the first is 0. */
  readonly documentStarts: Int32Array;
  /** [documents] how much each counts in the loss; absent: 1 each. */
  readonly weights?: Float32Array;
}

/** Ids put around each document. */
export interface PackOptions {
  readonly bosId?: number;
  readonly eosId?: number;
}

/** Options of `packTokens`. */
export interface PackTokensOptions extends PackOptions {
  /** How much each of the documents counts in the loss, from 0; those without ids included. Default: 1 each. */
  readonly weights?: ArrayLike<number>;
}

/**
 * Join the ids of documents to one stream, with bos before and eos after each where given.
 *
 * Accepts: any iterable of ids; documents without ids are left out. N stays below 2^31. Cost: one copy of the ids.
 * @throws EmptyDataError when no document has ids; OutOfRangeError for an id that is no integer in [0, 2^31), or a weight
 * that is no finite number >= 0.
 */
export function packTokens(documents: Iterable<ArrayLike<number>>, options: PackTokensOptions = {}): PackedTokens {
  const packer = new Packer(options);
  let count = 0;
  for (const ids of documents) packer.add(ids, options.weights ? options.weights[count++] : 1);
  return packer.finish();
}

/** What is packed of a document. */
type TextToPack = Pick<Document, "text" | "weight">;

/**
 * Encode documents one by one and join their ids as `packTokens` does; texts are not kept, weights are.
 * @throws EmptyDataError when no document has ids; OutOfRangeError as `packTokens`; whatever the documents or `encode` throw.
 */
export async function packDocuments(
  documents: Iterable<TextToPack> | AsyncIterable<TextToPack>,
  encode: (text: string) => ArrayLike<number>,
  options: PackOptions = {},
): Promise<PackedTokens> {
  const packer = new Packer(options);
  for await (const { text, weight } of documents) packer.add(encode(text), weight ?? 1);
  return packer.finish();
}

class Packer {
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  #tokens: Int32Array = new Int32Array(1 << 16);
  #length = 0;
  readonly #starts: number[] = [];
  readonly #weights: number[] = [];

  constructor({ bosId, eosId }: PackOptions) {
    this.#before = bosId === undefined ? [] : [bosId];
    this.#after = eosId === undefined ? [] : [eosId];
  }

  add(ids: ArrayLike<number>, weight: number | undefined): void {
    if (ids.length === 0) return;
    this.#weights.push(requireWeight(weight, this.#starts.length));
    this.#reserve(ids.length + this.#before.length + this.#after.length);
    this.#starts.push(this.#length);
    for (const part of [this.#before, ids, this.#after]) this.#append(part);
  }

  finish(): PackedTokens {
    if (this.#length > 0) {
      const packed = { tokens: this.#tokens.slice(0, this.#length), documentStarts: Int32Array.from(this.#starts) };
      if (this.#weights.every((weight) => weight === 1)) return packed;
      return { ...packed, weights: Float32Array.from(this.#weights) };
    }
    throw new EmptyDataError({
      op: "packTokens",
      operand: "documents",
      expected: "at least one document with a token",
      actual: "none",
    });
  }

  #append(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (!Number.isInteger(id) || id < 0 || id >= 2 ** 31) {
        throw new OutOfRangeError({
          op: "packTokens",
          operand: `document ${this.#starts.length - 1}, id ${i}`,
          expected: "an integer in [0, 2^31)",
          actual: String(id),
        });
      }
      this.#tokens[this.#length++] = id;
    }
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#tokens.length) return;
    const larger = new Int32Array(Math.max(needed, this.#tokens.length * 2));
    larger.set(this.#tokens);
    this.#tokens = larger;
  }
}

/** Weights are kept in 32 bits. */
function requireWeight(weight: number | undefined, document: number): number {
  if (weight !== undefined && weight >= 0 && Number.isFinite(Math.fround(weight))) return weight;
  const operand = `document ${document}, weight`;
  throw new OutOfRangeError({ op: "packTokens", operand, expected: "a finite number >= 0", actual: `${weight}` });
}
