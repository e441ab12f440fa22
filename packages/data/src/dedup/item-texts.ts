import type { DedupSettings } from "./dedup-options.ts";
import { splitUnits } from "./split-units.ts";

/** A part of a text; one that is no item is never compared, counted or removed. */
export interface ItemText {
  readonly text: string;
  readonly isItem: boolean;
}

/** The parts of a text that are compared one by one: all of it, or its paragraphs or lines. Joined, they are the text. */
export function itemTexts(text: string, { unit, minLength }: DedupSettings): ItemText[] {
  if (unit === "document") return [{ text, isItem: true }];
  return splitUnits(text, unit).map((part) => {
    const length = part.trim().length;
    return { text: part, isItem: length > 0 && length >= minLength };
  });
}
