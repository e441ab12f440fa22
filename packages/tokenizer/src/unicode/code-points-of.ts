/**
 * Classes of characters, pinned to Unicode 16.
 *
 * The engine's own `\p{..}` follows its ICU: two machines would cut a text that holds newer characters in two ways. HF
 * tokenizers 0.23 runs Oniguruma with the tables of Unicode 16, so these are the ones that give equal pieces anywhere.
 */
import { OutOfRangeError } from "@ds3/errors";
import { type CodePointRanges, complementOf, unionOf } from "./code-point-ranges.ts";
import { unpackPartition, unpackRanges } from "./packed-ranges.ts";
import { categoryNames, categoryRuns, propertyBounds, scriptNames, scriptRuns } from "./unicode-16-data.ts";

const union = (...names: string[]): CodePointRanges => unionOf(...names.map((name) => codePointsOf(name)));

/** Classes made of others. \s, \w, \d and the bracket names are Oniguruma's for Unicode. */
const derived: Readonly<Record<string, () => CodePointRanges>> = {
  L: () => union("Lu", "Ll", "Lt", "Lm", "Lo"),
  LC: () => union("Lu", "Ll", "Lt"),
  M: () => union("Mn", "Mc", "Me"),
  N: () => union("Nd", "Nl", "No"),
  P: () => union("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"),
  S: () => union("Sm", "Sc", "Sk", "So"),
  Z: () => union("Zs", "Zl", "Zp"),
  C: () => union("Cc", "Cf", "Cs", "Co", "Cn"),
  Any: () => [0, 0x10ffff],
  Assigned: () => complementOf(codePointsOf("Cn")),
  ASCII: () => [0, 0x7f],
  Alphabetic: () => union("L", "Nl", "Other_Alphabetic"),
  Lowercase: () => union("Ll", "Other_Lowercase"),
  Uppercase: () => union("Lu", "Other_Uppercase"),
  "\\s": () => codePointsOf("White_Space"),
  "\\d": () => codePointsOf("Nd"),
  // Outside of brackets Oniguruma asks Latin-1's table for the first 256, where ² ³ ¹ ¼ ½ ¾ are of a word.
  "\\w": () => unionOf(codePointsOf("[\\w]"), [0xb2, 0xb3, 0xb9, 0xb9, 0xbc, 0xbe]),
  "[\\w]": () => union("Alphabetic", "M", "Nd", "Pc"),
  "\\h": () => [0x30, 0x39, 0x41, 0x46, 0x61, 0x66],
};

const known = new Map<string, CodePointRanges>();
let hasPartitions = false;

/**
 * The code points of a class: a general category (`Lu`, `L`, `P`), a script (`Han`, `Old_Italic`), a property
 * (`White_Space`, `Alphabetic`, `Emoji`) or an escape (`\s`, `\d`, `\h`, `\w`, and `[\w]` for it inside brackets).
 *
 * Inclusive ranges [from, to, from, to ...], rising; the same array each time. Unpacked on the first call.
 * @throws OutOfRangeError for a name that is not there.
 */
export function codePointsOf(name: string): CodePointRanges {
  const found = findCodePoints(name);
  if (found !== undefined) return found;
  const expected = "a general category, script or property of Unicode 16 as the standard spells it";
  throw new OutOfRangeError({ op: "codePointsOf", operand: "name", expected, actual: JSON.stringify(name) });
}

/** As `codePointsOf`, undefined for a name that is not there. */
export function findCodePoints(name: string): CodePointRanges | undefined {
  loadPartitions();
  const found = known.get(name);
  if (found !== undefined) return found;
  const ranges = Object.hasOwn(derived, name) ? derived[name]!() : unpackProperty(name);
  if (ranges !== undefined) known.set(name, ranges);
  return ranges;
}

/** Every name that `codePointsOf` knows. */
export function classNames(): string[] {
  return [
    ...categoryNames.split(" "),
    ...scriptNames.split(" "),
    ...Object.keys(propertyBounds),
    ...Object.keys(derived),
  ];
}

function unpackProperty(name: string): CodePointRanges | undefined {
  return Object.hasOwn(propertyBounds, name) ? unpackRanges(propertyBounds[name]!) : undefined;
}

function loadPartitions(): void {
  if (hasPartitions) return;
  hasPartitions = true;
  for (const [names, runs] of [
    [categoryNames, categoryRuns],
    [scriptNames, scriptRuns],
  ] as const) {
    const list = names.split(" ");
    unpackPartition(runs, list.length).forEach((ranges, i) => {
      known.set(list[i]!, ranges);
    });
  }
}
