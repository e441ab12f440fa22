/** The grammar of Oniguruma's patterns, read from left to right and put together anew for JavaScript. */
import { closeOverCase } from "../unicode/case-folding.ts";
import { complementOf, hasCodePoint } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { readBrackets } from "./character-class.ts";
import { classSource, literalSource } from "./class-source.ts";
import { readCharacterEscape, readSetEscape } from "./escapes.ts";
import {
  alternate,
  anchor,
  concatenate,
  type Emptiness,
  foldedSequences,
  grouped,
  type Item,
  solid,
  sourceOf,
} from "./pattern-item.ts";
import { PatternReader } from "./pattern-reader.ts";

/** What is switched on at a place of the pattern. */
interface Modes {
  /** (?i) */
  readonly ignoreCase: boolean;
  /** (?m): `.` takes a newline too. */
  readonly dotAll: boolean;
  /** (?x): white space and comments do not count. */
  readonly extended: boolean;
  /** JavaScript matches backwards there, where an atomic group cannot be spelled. */
  readonly inLookbehind: boolean;
}

/** Letters that mean neither a character nor a set of them behind a backslash, outside brackets. */
const SPECIAL = "bBAZzGNORpPxuocCMkgKXyY";
/** `{n}?` is no lazy `{n}` but `{n}` and then `?`, and so is any quantifier behind braces but `?` behind a range. */
const QUANTIFIER = /([*+?])([?+]?)|\{(?:(\d+),(\d*)|,(\d+))\}(\??)|\{(\d+)\}/y;
const OPENING = /\(\?(?::|=|!|<=|<!|>|#[^)]*\)|<[^\W\d]\w*>|'[^\W\d]\w*'|([imx]*)(?:-([imx]*))?([:)]))/y;

/** Translates one pattern. */
export class Translator {
  readonly #reader: PatternReader;
  #atomics = 0;
  #boundary: string | undefined;

  constructor(pattern: string) {
    this.#reader = new PatternReader(pattern);
  }

  /** The source of a RegExp with the flag u. */
  translate(): string {
    const whole = this.#alternatives({ ignoreCase: false, dotAll: false, extended: false, inLookbehind: false });
    if (this.#reader.peek() !== "") throw this.#reader.refuse(this.#reader.peek());
    return whole.source;
  }

  /** Branches up to a closing parenthesis, which is left, or the end. */
  #alternatives(modes: Modes): Item {
    const branches = [this.#branch(modes)];
    while (this.#reader.eat("|")) branches.push(this.#branch(modes));
    return alternate(branches);
  }

  #branch(modes: Modes): Item {
    const items: Item[] = [];
    for (;;) {
      if (modes.extended) this.#skipExtended();
      const next = this.#reader.peek();
      if (next === "" || next === ")" || next === "|") return concatenate(items);
      const item = this.#atom(modes);
      if (item !== undefined) items.push(this.#quantified(item, modes));
    }
  }

  #skipExtended(): void {
    while (this.#reader.match(/\s+|#[^\n]*/y) !== undefined);
  }

  /** One item without its quantifiers; undefined for a comment. */
  #atom(modes: Modes): Item | undefined {
    const reader = this.#reader;
    switch (reader.peek()) {
      case "(":
        return this.#group(modes);
      case "[":
        return this.#brackets(modes);
      case "\\":
        return this.#escape(modes);
      case "^":
        reader.at++;
        return anchor("(?:(?<![^])|(?<=\\n)(?=[^]))");
      case "$":
        reader.at++;
        return anchor("(?![^\\n])");
      case ".":
        reader.at++;
        return solid(modes.dotAll ? "[^]" : "[^\\n]");
    }
    if ("*+?".includes(reader.peek())) throw reader.refuse(reader.peek());
    return literal(reader.next().codePointAt(0)!, modes);
  }

  #group(modes: Modes): Item | undefined {
    const reader = this.#reader;
    const offset = reader.at;
    const opening = reader.match(OPENING);
    if (opening === undefined) {
      if (reader.eat("(?") || reader.eat("(*")) throw reader.refuse(reader.pattern.slice(offset, offset + 4), offset);
      reader.at++;
      return grouped(this.#body(modes, offset));
    }
    const [text, on, off = "", end] = opening;
    if (text.startsWith("(?#")) return undefined;
    if (end !== undefined) return this.#switched(switchModes(modes, on!, off), end, offset);
    if (text === "(?>") return this.#atomic(this.#body(modes, offset), modes, offset, text);
    if (/^\(\?<?[=!]$/.test(text)) return this.#lookAround(text, modes, offset);
    return grouped(this.#body(modes, offset));
  }

  /** `(?i:..)`, or `(?i)`, which holds up to the end of the group around it, its other branches too. */
  #switched(modes: Modes, end: string, offset: number): Item {
    return grouped(end === ":" ? this.#body(modes, offset) : this.#alternatives(modes));
  }

  #lookAround(text: string, modes: Modes, offset: number): Item {
    if (modes.inLookbehind) throw this.#reader.refuse(text, offset);
    const inLookbehind = text.includes("<");
    return anchor(`${text}${this.#body({ ...modes, inLookbehind }, offset).source})`);
  }

  #body(modes: Modes, offset: number): Item {
    const body = this.#alternatives(modes);
    if (this.#reader.eat(")")) return body;
    throw this.#reader.refuse(this.#reader.pattern.slice(offset), offset);
  }

  /** What has matched once is not given back: a look-ahead finds it, a reference takes it. */
  #atomic({ source, emptiness }: Item, modes: Modes, offset: number, construct: string): Item {
    if (modes.inLookbehind) throw this.#reader.refuse(construct, offset);
    const name = `a${this.#atomics++}`;
    return { source: `(?:(?=(?<${name}>${source}))\\k<${name}>)`, emptiness };
  }

  #brackets({ ignoreCase }: Modes): Item {
    const { set, negated } = readBrackets(this.#reader);
    const closed = ignoreCase ? closeOverCase(set) : set;
    if (negated) return solid(classSource(complementOf(closed)));
    const sequences = ignoreCase ? foldedSequences((code) => hasCodePoint(closed, code)) : [];
    return solid(sequences.length === 0 ? classSource(closed) : `(?:${[classSource(closed), ...sequences].join("|")})`);
  }

  #escape(modes: Modes): Item {
    const set = readSetEscape(this.#reader, false);
    if (set !== undefined) return solid(classSource(set));
    const code = readCharacterEscape(this.#reader, SPECIAL);
    if (code !== undefined) return literal(code, modes);
    const offset = this.#reader.at;
    const special = this.#special(this.#reader.pattern.slice(offset, offset + 2), modes);
    if (special === undefined) throw this.#reader.refuse(this.#reader.pattern.slice(offset, offset + 2), offset);
    this.#reader.at += 2;
    return special;
  }

  #special(text: string, { inLookbehind }: Modes): Item | undefined {
    switch (text) {
      case "\\b":
        return anchor(this.#wordBoundary(false));
      case "\\B":
        return anchor(this.#wordBoundary(true));
      case "\\A":
        return anchor("(?<![^])");
      case "\\z":
        return anchor("(?![^])");
      case "\\Z":
        return anchor("(?=\\n?(?![^]))");
      case "\\N":
        return solid("[^\\n]");
      case "\\O":
        return solid("[^]");
      case "\\R":
        // Atomic in Oniguruma: it never gives back the newline of \r\n. Backwards that cannot be said.
        return inLookbehind ? undefined : solid("(?:\\r\\n|(?!\\r\\n)[\\n-\\r\\u0085\\u2028\\u2029])");
      default:
        return undefined;
    }
  }

  #wordBoundary(negated: boolean): string {
    this.#boundary ??= classSource(codePointsOf("\\w"));
    const word = this.#boundary;
    return negated
      ? `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`
      : `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
  }

  #quantified(first: Item, modes: Modes): Item {
    let item = first;
    for (;;) {
      if (modes.extended) this.#skipExtended();
      const offset = this.#reader.at;
      const match = this.#reader.match(QUANTIFIER);
      if (match === undefined) return item;
      if (item.isAnchor) throw this.#reader.refuse(match[0], offset);
      const repeated = this.#repeat(item, boundsOf(match), match[0], offset);
      item = match[2] === "+" ? this.#atomic(repeated, modes, offset, match[0]) : repeated;
    }
  }

  #repeat(item: Item, { min, max, lazy }: Bounds, text: string, offset: number): Item {
    const isRisky = item.emptiness === "early" || (item.emptiness === "last" && min > 1);
    if (max < min || (isRisky && max > min)) throw this.#reader.refuse(text, offset);
    const source = `${unitSource(sourceOf(item))}${rangeSource(min, max)}${lazy ? "?" : ""}`;
    return { source, emptiness: emptinessOf(item.emptiness, min, lazy) };
  }
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly lazy: boolean;
}

function boundsOf(match: RegExpExecArray): Bounds {
  const [, sign, suffix, lower, upper, upTo, question, exact] = match;
  const most = Number.POSITIVE_INFINITY;
  if (sign !== undefined) return { min: sign === "+" ? 1 : 0, max: sign === "?" ? 1 : most, lazy: suffix === "?" };
  if (upTo !== undefined) return { min: 0, max: Number(upTo), lazy: question === "?" };
  if (exact !== undefined) return { min: Number(exact), max: Number(exact), lazy: false };
  return { min: Number(lower), max: upper === "" ? most : Number(upper), lazy: question === "?" };
}

function rangeSource(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === max) return `{${min}}`;
  return min === 0 && max === 1 ? "?" : `{${min},${max}}`;
}

/** A source that a quantifier can follow: one class or character as it is. */
function unitSource(source: string): string {
  return /^(?:\[[^\]]+\]|[^\\]|\\[^ku])$/u.test(source) ? source : `(?:${source})`;
}

function emptinessOf(inner: Emptiness, min: number, lazy: boolean): Emptiness {
  if (min > 0 && inner === "never") return "never";
  return lazy || inner === "early" ? "early" : "last";
}

function literal(code: number, { ignoreCase }: Modes): Item {
  return ignoreCase ? { source: "", emptiness: "never", folded: code } : solid(literalSource(code));
}

function switchModes(modes: Modes, on: string, off: string): Modes {
  const value = (letter: string, before: boolean): boolean =>
    off.includes(letter) ? false : on.includes(letter) || before;
  return {
    ...modes,
    ignoreCase: value("i", modes.ignoreCase),
    dotAll: value("m", modes.dotAll),
    extended: value("x", modes.extended),
  };
}
