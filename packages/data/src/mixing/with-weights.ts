/**
 * Weights of documents in the loss: old ones that count less than new ones, or a source that counts more without being
 * repeated. A weight stays with its document: shards keep it, and batches have it for every position (`Batch.weights`).
 */
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import type { Document } from "../document.ts";
import { requireObject } from "../require-value.ts";
import type { DocumentStage } from "../stage.ts";

/**
 * The weight of each document: by the name of its corpus, where the others keep what they have; or by a function, which
 * sees the weight that it had.
 */
export type WeightRule = Readonly<Record<string, number>> | ((document: Document) => number);

/**
 * A stage that gives documents their weights; it drops none.
 * @throws OutOfRangeError for a weight that is no finite number >= 0: at once for those by name, else naming the document;
 * ConfigError for a rule that is none, or without a name.
 */
export function createWeighting(rule: WeightRule): DocumentStage {
  const weightOf = typeof rule === "function" ? rule : byCorpus(rule);
  return {
    name: "weights",
    process(document) {
      const weight = requireWeight(weightOf(document), `weight of ${document.source}`);
      return weight === (document.weight ?? 1) ? document : { ...document, weight };
    },
  };
}

/** Give documents their weights as they pass: `createWeighting` without a run of stages. @throws as it does. */
export async function* withWeights(
  documents: Iterable<Document> | AsyncIterable<Document>,
  rule: WeightRule,
): AsyncGenerator<Document, void, undefined> {
  const stage = createWeighting(rule);
  for await (const document of documents) yield stage.process(document) as Document;
}

function byCorpus(rule: Readonly<Record<string, number>>): (document: Document) => number {
  requireObject("withWeights", "rule", rule);
  const weights = new Map(Object.entries(rule));
  const expected = "weights by the name of a corpus";
  if (weights.size === 0) throw new ConfigError({ op: "withWeights", operand: "rule", expected, actual: "none" });
  for (const [name, weight] of weights) requireWeight(weight, `rule["${name}"]`);
  return ({ corpus, weight = 1 }) => weights.get(corpus ?? "") ?? weight;
}

/** Weights are kept in 32 bits. */
function requireWeight(weight: number, operand: string): number {
  if (typeof weight === "number" && weight >= 0 && Number.isFinite(Math.fround(weight))) return weight;
  const expected = "a finite number >= 0";
  throw new OutOfRangeError({ op: "withWeights", operand, expected, actual: `${weight}` });
}
