/** What the bench tells texts apart by. */
export type TextKind = "english" | "chinese" | "code";

/** The kinds in the order in which they are measured. */
export const TEXT_KINDS: readonly TextKind[] = ["english", "chinese", "code"];

/** Letters and Han characters looked at. */
const SAMPLE = 4000;
const FEWEST_LETTERS = 20;
/** A Han character says as much as three letters. */
const HAN_WEIGHT = 3;
const CHINESE_SHARE = 0.6;
const ENGLISH_SHARE = 0.98;

/**
 * The kind of a text that is no program, by its letters: Chinese where most of it is Han without Kana, English where
 * nearly all letters are of ASCII (other Latin languages use more than those). Undefined for others and for very short ones.
 */
export function kindOfProse(text: string): "english" | "chinese" | undefined {
  const part = text.slice(0, SAMPLE);
  const ascii = count(part, /[A-Za-z]/g);
  const han = HAN_WEIGHT * count(part, /[\u4e00-\u9fff]/g);
  const all = han + ascii + count(part, /(?![A-Za-z\u4e00-\u9fff])\p{L}/gu);
  if (all < FEWEST_LETTERS || /[\u3040-\u30ff]/.test(part)) return undefined;
  if (han / all >= CHINESE_SHARE) return "chinese";
  return ascii / all >= ENGLISH_SHARE ? "english" : undefined;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
