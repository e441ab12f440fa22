import { MISSING, PairTable } from "../bpe/pair-table.ts";

/** The state before any unit, and after units that begin no token. */
export const ROOT = 0;
export const NO_STATE = -1;

/**
 * All tokens of a vocabulary as a trie over UTF-16 units, its edges in one open-addressing table.
 *
 * States are numbers. Tokens and texts are well-formed, so a token that ends ends at a character.
 */
export class TokenTrie {
  readonly #edges: PairTable;
  readonly #target: Int32Array;
  readonly #idOfState: Int32Array;

  /** @param tokens tokens with their ids; of two equal ones the last counts, an empty one is left out */
  constructor(tokens: Iterable<readonly [token: string, id: number]>) {
    const sorted = [...new Map(tokens)].sort(([a], [b]) => (a < b ? -1 : 1));
    const from: number[] = [];
    const unit: number[] = [];
    const idOfState: number[] = [-1];
    // Sorted tokens share beginnings with their predecessor only: `path` holds the states along it.
    const path: number[] = [ROOT];
    let previous = "";
    for (const [token, id] of sorted) {
      let depth = 0;
      while (depth < previous.length && previous.charCodeAt(depth) === token.charCodeAt(depth)) depth++;
      for (; depth < token.length; depth++) {
        from.push(path[depth]!);
        unit.push(token.charCodeAt(depth));
        path[depth + 1] = idOfState.push(-1) - 1;
      }
      if (token !== "") idOfState[path[token.length]!] = id;
      previous = token;
    }
    this.#target = Int32Array.from(from, (_, edge) => edge + 1);
    this.#edges = new PairTable({ left: Int32Array.from(from), right: Int32Array.from(unit), result: this.#target });
    this.#idOfState = Int32Array.from(idOfState);
  }

  /** The state one unit further, or `NO_STATE`. */
  step(state: number, unit: number): number {
    const edge = this.#edges.rankOf(state, unit);
    return edge === MISSING ? NO_STATE : edge + 1;
  }

  /** The id of the token that ends in a state, or -1. */
  idAt(state: number): number {
    return this.#idOfState[state]!;
  }
}
