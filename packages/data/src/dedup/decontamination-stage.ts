/**
 * Decontamination: documents that contain a run of tokens of a reference, such as a question of a benchmark, are dropped.
 *
 * Texts are simplified as for near-duplicates (simplify-text.ts); tokens are words, and single characters in scripts
 * without spaces. A reference of fewer than `ngram` tokens matches only a document that is the same text. Runs are known
 * by 53 bits of two hashes: with a million runs of references, one in 10^10 of other runs matches by accident.
 */
import type { Document } from "../document.ts";
import { requireInteger } from "../require-integer.ts";
import { requireOptions } from "../require-options.ts";
import { requireIterable } from "../require-value.ts";
import type { DocumentStage, Dropped } from "../stage.ts";
import { Shingler } from "./shingler.ts";

/** What counts as contained. */
export interface DecontaminationOptions {
  /** Tokens in a run. Default 13, as in GPT-3's report. */
  readonly ngram?: number;
  /** Runs that a document must share with the references to be dropped. Default 1. */
  readonly minMatches?: number;
  /** Whether digits are compared (default) or each run of them is one 0: then a question matches with other numbers, too. */
  readonly numbers?: "keep" | "zero";
}

const OP = "createDecontaminationStage";

/**
 * A stage that drops documents which contain text of `references`. Memory grows with the references (about 100 bytes a
 * token), not with the documents.
 * @throws ConfigError for references that are no documents, or an unknown option; OutOfRangeError for a number that is no
 * integer >= 1.
 */
export function createDecontaminationStage(
  references: Iterable<Pick<Document, "text">>,
  options: DecontaminationOptions = {},
): DocumentStage {
  requireIterable(OP, "references", references);
  requireOptions<DecontaminationOptions>(OP, options, { ngram: "any", minMatches: "any", numbers: ["keep", "zero"] });
  const { ngram = 13, minMatches = 1, numbers = "keep" } = options;
  requireInteger(OP, "ngram", ngram, 1);
  requireInteger(OP, "minMatches", minMatches, 1);
  const runs = new RunSet(ngram, numbers);
  for (const { text } of references) runs.add(text);
  const process = (document: Document): Document | Dropped => {
    const matches = runs.count(document.text);
    if (matches < minMatches) return document;
    return { reason: "decontamination.ngram", detail: `${matches} runs of ${ngram} tokens >= ${minMatches}` };
  };
  return { name: "decontamination", process };
}

/** Runs of tokens by their hashes. */
class RunSet {
  readonly #first: Shingler;
  readonly #second: Shingler;
  readonly #firsts = new Set<number>();
  readonly #runs = new Set<number>();

  constructor(ngram: number, numbers: "keep" | "zero") {
    this.#first = new Shingler({ ngram, numbers, characterShare: 2 });
    this.#second = new Shingler({ ngram, numbers, characterShare: 2, seed: 1 });
  }

  add(text: string): void {
    const firsts = hashesOf(this.#first, text);
    const seconds = hashesOf(this.#second, text);
    for (const [i, first] of firsts.entries()) {
      this.#firsts.add(first);
      this.#runs.add(runKey(first, seconds[i]!));
    }
  }

  /** Different runs that a text has in common with the set. */
  count(text: string): number {
    if (!this.#mayMatch(text)) return 0;
    const seconds = hashesOf(this.#second, text);
    const found = hashesOf(this.#first, text).map((first, i) => runKey(first, seconds[i]!));
    return new Set(found.filter((run) => this.#runs.has(run))).size;
  }

  /** Most texts match no first hash, and are done with it. */
  #mayMatch(text: string): boolean {
    let isLikely = false;
    this.#first.each(text, (hashes, count) => {
      for (let i = 0; i < count && !isLikely; i++) isLikely = this.#firsts.has(hashes[i]!);
    });
    return isLikely;
  }
}

function runKey(first: number, second: number): number {
  return (first >>> 0) * 2 ** 21 + (second >>> 11);
}

function hashesOf(shingler: Shingler, text: string): number[] {
  const all: number[] = [];
  shingler.each(text, (hashes, count) => {
    for (let i = 0; i < count; i++) all.push(hashes[i]!);
  });
  return all;
}
