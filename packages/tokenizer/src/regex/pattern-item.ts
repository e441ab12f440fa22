/**
 * The parts that a translated pattern is put together from, and what has to be known of them: JavaScript ends a loop
 * whose body matched nothing by failing that match, Oniguruma by leaving the loop. The two agree when matching nothing
 * is the last thing that the body tries.
 */
import { caseVariants, foldFully, multipleFoldings } from "../unicode/case-folding.ts";
import { classSource, literalSource } from "./class-source.ts";

/** Whether something can match nothing: not at all, as the last thing it tries, or before it tries others. */
export type Emptiness = "never" | "last" | "early";

/** A part of a pattern in JavaScript's terms. */
export interface Item {
  readonly source: string;
  readonly emptiness: Emptiness;
  /** One character that ignores case: its neighbours may fold together with it, as `ss` does with `ß`. */
  readonly folded?: number;
  /** False for what no quantifier may follow: `^`, `\b`, a look-around. */
  readonly isAnchor?: boolean;
}

/** Something that always takes at least a character. */
export function solid(source: string): Item {
  return { source, emptiness: "never" };
}

/** Something that only looks. */
export function anchor(source: string): Item {
  return { source, emptiness: "last", isAnchor: true };
}

/** One item after the other. */
export function concatenate(items: readonly Item[]): Item {
  const source = joinSources(items);
  const emptiness = items.some((item) => item.emptiness === "never")
    ? "never"
    : items.every((item) => item.emptiness === "last")
      ? "last"
      : "early";
  return { source, emptiness };
}

/** The first of some items that matches. */
export function alternate(items: readonly Item[]): Item {
  if (items.length === 1) return items[0]!;
  const source = items.map((item) => item.source).join("|");
  const firstEmpty = items.findIndex((item) => item.emptiness !== "never");
  if (firstEmpty < 0) return { source, emptiness: "never" };
  return { source, emptiness: firstEmpty === items.length - 1 ? items[firstEmpty]!.emptiness : "early" };
}

/** An item as one unit that a quantifier can follow. */
export function grouped(item: Item): Item {
  return { source: `(?:${item.source})`, emptiness: item.emptiness };
}

/** The source of an item by itself: a folded character with all that it matches. */
export function sourceOf(item: Item): string {
  return item.folded === undefined ? item.source : foldedSource([item.folded]);
}

/** What a class that ignores case matches of several characters: `ss` for `ß`. */
export function foldedSequences(has: (code: number) => boolean): string[] {
  const sources = new Set<string>();
  for (const [code, sequence] of multipleFoldings()) if (has(code)) sources.add(sequence.map(variants).join(""));
  return [...sources];
}

function joinSources(items: readonly Item[]): string {
  let source = "";
  let run: number[] = [];
  for (const item of items) {
    if (item.folded !== undefined) run.push(item.folded);
    else {
      source += foldedSource(run) + item.source;
      run = [];
    }
  }
  return source + foldedSource(run);
}

/** Characters in any case. From the left, the longest sequence that is another character's folding matches that too. */
function foldedSource(codes: readonly number[]): string {
  const folded = codes.flatMap(foldFully);
  let source = "";
  for (let at = 0; at < folded.length; ) {
    const length = [3, 2].find((count) => wholesOf(folded.slice(at, at + count)).length > 0) ?? 1;
    const part = folded.slice(at, at + length);
    const spelled = part.map(variants).join("");
    source += length === 1 ? spelled : `(?:${spelled}|${classSource(wholesOf(part).flatMap((code) => [code, code]))})`;
    at += length;
  }
  return source;
}

/** The characters whose full folding is a sequence, rising. */
function wholesOf(sequence: readonly number[]): number[] {
  const key = sequence.join();
  const found = [...multipleFoldings()].filter(([, folded]) => folded.join() === key).map(([code]) => code);
  return found.sort((a, b) => a - b);
}

function variants(code: number): string {
  const all = caseVariants(code);
  return all.length === 1 ? literalSource(code) : classSource(all.flatMap((variant) => [variant, variant]));
}
