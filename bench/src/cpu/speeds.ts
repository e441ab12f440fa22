import { median } from "../figure.ts";
import { TEXT_KINDS, type TextKind } from "./texts/text-kind.ts";

/** A number for each kind of text: bytes, or seconds of one pass. */
export type ByKind = Readonly<Record<TextKind, number>>;

/** 1e6 bytes a second. */
export interface Speeds extends ByKind {
  /** Over the kinds together: all bytes by all time of a pass. */
  readonly all: number;
}

/** The medians over some passes over the same texts. */
export function speedsOf(bytes: ByKind, passes: readonly ByKind[]): Speeds {
  const speed = (kinds: readonly TextKind[]): number =>
    median(passes.map((seconds) => sum(bytes, kinds) / sum(seconds, kinds) / 1e6));
  const [english, chinese, code] = TEXT_KINDS.map((kind) => speed([kind]));
  return { all: speed(TEXT_KINDS), english: english!, chinese: chinese!, code: code! };
}

/** How many times as fast `a` is as `b`, kind by kind and in all. */
export function ratios(a: Speeds, b: Speeds): Speeds {
  const { english, chinese, code } = a;
  return {
    all: a.all / b.all,
    english: english / b.english,
    chinese: chinese / b.chinese,
    code: code / b.code,
  };
}

/** Time that the double length takes in times of the single one, each at its best. */
export function doublingRatio(single: readonly number[], double: readonly number[]): number {
  return Math.min(...double) / Math.min(...single);
}

function sum(values: ByKind, kinds: readonly TextKind[]): number {
  return kinds.reduce((total, kind) => total + values[kind], 0);
}
