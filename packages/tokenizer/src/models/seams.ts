import { type Merges, MISSING, PairTable } from "../bpe/pair-table.ts";

/**
 * Where no merge can ever join two neighbouring symbols, a piece can be cut without changing its tokens.
 *
 * A merge (L, R) joins the last symbol of L to the first symbol of R. Pairs of symbols that no merge joins are seams:
 * in SentencePiece's vocabularies every word ends in one, so a document that is one single piece falls into words,
 * which repeat. Symbols are what a piece consists of before any merge.
 */
export class Seams {
  readonly #joined: PairTable;

  constructor(joined: PairTable) {
    this.#joined = joined;
  }

  /** True when some merge may join the two symbols. */
  joins(left: number, right: number): boolean {
    return this.#joined.rankOf(left, right) !== MISSING;
  }
}

/**
 * The seams of a model, or undefined when a token can begin or end in different symbols, so that they are not certain.
 * @param symbols ids that a piece can consist of before any merge
 */
export function findSeams(merges: Merges, symbols: Iterable<number>): Seams | undefined {
  const list = [...symbols];
  const firsts = outermost(merges, merges.left, list);
  const lasts = outermost(merges, merges.right, list);
  if (firsts === undefined || lasts === undefined) return undefined;
  const left: number[] = [];
  const right: number[] = [];
  merges.left.forEach((token, rank) => {
    const last = lasts.get(token);
    const first = firsts.get(merges.right[rank]!);
    if (last === undefined || first === undefined) return; // one of them can never come about
    left.push(last);
    right.push(first);
  });
  const result = new Int32Array(left.length);
  return new Seams(new PairTable({ left: Int32Array.from(left), right: Int32Array.from(right), result }));
}

/** The outermost symbol of every token on one side, followed through the merges until nothing changes. */
function outermost(merges: Merges, side: Int32Array, symbols: readonly number[]): Map<number, number> | undefined {
  const symbolOf = new Map(symbols.map((symbol) => [symbol, symbol]));
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (let rank = 0; rank < side.length; rank++) {
      const symbol = symbolOf.get(side[rank]!);
      if (symbol === undefined) continue;
      const token = merges.result[rank]!;
      const known = symbolOf.get(token);
      if (known !== undefined && known !== symbol) return undefined;
      if (known === undefined) hasChanged = true;
      symbolOf.set(token, symbol);
    }
  }
  return symbolOf;
}
