/**
 * The merge loop of training (Sennrich et al. 2016): distinct words weighted by their occurrences, one pair merged at a
 * time, from left to right through a word; a result that is in the vocabulary already keeps its id.
 *
 * Which pair comes next is a question of the model: BPE takes the highest count (`PairHeap`), WordPiece the highest
 * likelihood score (`ScoreHeap`).
 */

import type { Merges } from "../bpe/pair-table.ts";
import { IntBuffer } from "../growable.ts";
import type { SymbolChain } from "./symbol-chain.ts";
import { type CreateQueue, SymbolMerger } from "./symbol-merger.ts";

/** What training starts from, and where it stops. */
export interface LearnOptions {
  /** Tokens so far by id: special tokens and the alphabet. New ones are appended. */
  readonly tokens: string[];
  readonly vocabSize: number;
  /** The token of two others. */
  readonly join: (left: string, right: string) => string;
  /** Which pair is next. */
  readonly createQueue: CreateQueue;
  /** Called after each merge with the number of tokens so far. */
  readonly onMerge: (tokens: number) => void;
}

/** Learn merges until the vocabulary is full or the queue ends; appends the new tokens. */
export function learnMerges(chain: SymbolChain, options: LearnOptions): Merges {
  const { tokens, vocabSize, join, createQueue, onMerge } = options;
  const idOfToken = new Map(tokens.map((token, id) => [token, id]));
  const merger = new SymbolMerger(chain, vocabSize, createQueue);
  const [left, right, result] = [0, 0, 0].map(() => new IntBuffer(vocabSize)) as [IntBuffer, IntBuffer, IntBuffer];
  while (tokens.length < vocabSize) {
    const pair = merger.queue.pop();
    if (pair < 0) break;
    const [a, b] = [merger.pairs.left[pair]!, merger.pairs.right[pair]!];
    const token = join(tokens[a]!, tokens[b]!);
    const id = idOfToken.get(token) ?? tokens.push(token) - 1;
    idOfToken.set(token, id);
    left.push(a);
    right.push(b);
    result.push(id);
    merger.mergeAll(pair, id);
    onMerge(tokens.length);
  }
  return { left: left.toArray(), right: right.toArray(), result: result.toArray() };
}
