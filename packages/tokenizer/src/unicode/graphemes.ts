/**
 * Extended grapheme clusters by the rules of UAX 29 with HF's own classes (of Unicode 17), whatever the engine's
 * `Intl.Segmenter` knows; and in linear time, which that one does not take for a long text.
 */
import { codePointsOf } from "./code-points-of.ts";
import { graphemeClassNames, graphemeRuns } from "./grapheme-data.ts";
import { unpackPartition } from "./packed-ranges.ts";

const OTHER = 0;
const CONTROL = 1;
const CR = 2;
const LF = 3;
const EXTEND = 4;
const ZWJ = 5;
const PREPEND = 6;
const SPACING_MARK = 7;
const L = 8;
const V = 9;
const T = 10;
/** A virama that joins consonants: also EXTEND. */
const LINKER = 11;
/** What viramas join: else OTHER. */
const CONSONANT = 12;
const REGIONAL = 13;
const PICTOGRAPH = 14;
const LV = 15;
const LVT = 16;
/** U+200C: EXTEND, but it ends a conjunct. */
const NON_JOINER = 17;

/** Characters from here on are OTHER. */
const END = 0xe1000;
let loaded: Uint8Array | undefined;

/** Where the grapheme ends that begins at `from`, a place where one does begin. `text` is well-formed. */
export function graphemeEnd(text: string, from: number): number {
  loaded ??= loadClasses();
  const classes = loaded;
  let at = from;
  let before = -1;
  /** Of a conjunct: 1 after its consonant, 2 once a virama followed. Of pictographs: 3 after one, 4 before the next. */
  let chain = 0;
  while (at < text.length) {
    const code = text.codePointAt(at)!;
    const one = code < END ? classes[code]! : OTHER;
    if (before >= 0 && !isJoined(before, one, chain)) return at;
    chain = nextChain(chain, one);
    // Two regional indicators are a flag; a third one begins another.
    before = one === REGIONAL && before === REGIONAL ? OTHER : one;
    at += code > 0xffff ? 2 : 1;
  }
  return at;
}

/** Rules GB3 to GB13, in their order. */
function isJoined(before: number, one: number, chain: number): boolean {
  if (before === CR) return one === LF;
  if (before === CONTROL || before === LF || (one >= CONTROL && one <= LF)) return false;
  if (isExtending(one) || one === SPACING_MARK || before === PREPEND) return true;
  if (one === CONSONANT) return chain === 2;
  if (one === PICTOGRAPH) return chain === 4;
  if (one === REGIONAL) return before === REGIONAL;
  return isSyllable(before, one);
}

function isExtending(one: number): boolean {
  return one === EXTEND || one === ZWJ || one === LINKER || one === NON_JOINER;
}

/** Whether two parts of Hangul are of one syllable. */
function isSyllable(before: number, one: number): boolean {
  if (before === L) return one === L || one === V || one === LV || one === LVT;
  if (before === V || before === LV) return one === V || one === T;
  return (before === T || before === LVT) && one === T;
}

function nextChain(chain: number, one: number): number {
  if (one === CONSONANT) return 1;
  if (one === PICTOGRAPH) return 3;
  if (chain === 1 || chain === 2) return one === LINKER ? 2 : one === EXTEND || one === ZWJ ? chain : 0;
  if (chain !== 3) return 0;
  return one === ZWJ ? 4 : isExtending(one) ? 3 : 0;
}

const CLASSES: Readonly<Record<string, number>> = {
  Control: CONTROL,
  CR,
  LF,
  Extend: EXTEND,
  ZWJ,
  Prepend: PREPEND,
  SpacingMark: SPACING_MARK,
  L,
  V,
  T,
  Linker: LINKER,
  Consonant: CONSONANT,
  Pictograph: PICTOGRAPH,
  NonJoiner: NON_JOINER,
};

function loadClasses(): Uint8Array {
  const classes = new Uint8Array(END);
  const paint = (ranges: readonly number[], value: number): void => {
    for (let i = 0; i < ranges.length; i += 2) classes.fill(value, ranges[i]!, ranges[i + 1]! + 1);
  };
  const names = graphemeClassNames.split(" ");
  unpackPartition(graphemeRuns, names.length).forEach((ranges, i) => {
    paint(ranges, CLASSES[names[i]!] ?? OTHER);
  });
  paint(codePointsOf("Regional_Indicator"), REGIONAL);
  paint([0xac00, 0xd7a3], LVT);
  for (let syllable = 0xac00; syllable <= 0xd7a3; syllable += 28) classes[syllable] = LV;
  return classes;
}
