import { StateError } from "@ds3/errors";
import type { Document } from "../document.ts";
import { fnv1a } from "../fnv1a.ts";
import { mixBits } from "../mix-bits.ts";
import type { Dropped } from "../stage.ts";
import type { DedupSettings } from "./dedup-options.ts";
import type { DedupCluster, KeepStage } from "./dedup-result.ts";
import { itemTexts } from "./item-texts.ts";

/** What the second pass needs to know of the first. */
export interface KeepFacts {
  readonly settings: DedupSettings;
  /** Items of the first pass. */
  readonly count: number;
  readonly keep: (index: number) => boolean;
  readonly clusterOf: (index: number) => DedupCluster;
  /** The check word of an item. */
  readonly checkOf: (index: number) => number | undefined;
  /** The item to start with. */
  readonly from: number;
}

/**
 * A stage that keeps what the first pass decided. It must see the documents of the first pass, unchanged and in order;
 * every item carries a 32-bit check of its source and length, so other input is noticed.
 * A document whose paragraphs or lines are all taken out is dropped.
 * @throws StateError (from `process`) for a document that is not the next one of the first pass.
 */
export function createKeepStage(facts: KeepFacts): KeepStage {
  let position = facts.from;
  const take = (document: Document, text: string): number => {
    if (facts.checkOf(position) === checkWord(document.source, text) && position < facts.count) return position++;
    throw outOfStep(position, facts.count, document);
  };
  const process =
    facts.settings.unit === "document"
      ? (document: Document) => keepDocument(facts, document, take(document, document.text))
      : (document: Document) => keepParts(facts, document, take);
  const name = `dedup.${facts.settings.mode}`;
  return {
    name,
    process,
    get position() {
      return position;
    },
  };
}

/** The check word of an item: a hash of where it comes from and how long it is. */
export function checkWord(source: string, text: string): number {
  return mixBits(fnv1a(source, text.length)) >>> 0;
}

function keepDocument(facts: KeepFacts, document: Document, index: number): Document | Dropped {
  if (facts.keep(index)) return document;
  const { kept, size } = facts.clusterOf(index);
  if (kept === undefined) return { reason: "dedup.against", detail: "alike to a reference" };
  return { reason: `dedup.${facts.settings.mode}`, detail: `document ${kept} of ${size} alike stays` };
}

function keepParts(
  facts: KeepFacts,
  document: Document,
  take: (from: Document, text: string) => number,
): Document | Dropped {
  const parts = itemTexts(document.text, facts.settings);
  const kept = parts.filter(({ text, isItem }) => !isItem || facts.keep(take(document, text)));
  if (kept.length === parts.length) return document;
  const text = kept.map((part) => part.text).join("");
  const detail = `${parts.length - kept.length} of ${parts.length} parts occur before`;
  if (text.trim() === "") return { reason: `dedup.${facts.settings.mode}`, detail };
  return { ...document, text };
}

function outOfStep(position: number, count: number, { source }: Document): StateError {
  const known = position < count ? `the document of item ${position} of the first pass` : `no more than ${count} items`;
  const hint = "Give the second pass the same documents in the same order as the first.";
  return new StateError({ op: "keepStage", operand: source, expected: known, actual: "another document", hint });
}
