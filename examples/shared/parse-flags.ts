/*
 * A program's flags as an object: each is declared once, and what is read has the types of the declarations. Commander
 * does the reading and writes --help.
 */
import { ConfigError } from "@ds3/errors";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

/** One flag of a command line. Without a `fallback` it must be given, unless it is `isOptional`. */
export interface Flag<T> {
  readonly about: string;
  /** What stands for its value in --help; `""` for a flag without a value. */
  readonly value: string;
  /** All that it may be. */
  readonly words?: readonly string[];
  readonly fallback?: T;
  readonly isOptional?: boolean;
  /** @throws InvalidArgumentError saying what is expected. */
  readonly parse?: (word: string) => T;
}

/** The values of declared flags. */
export type Flags<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** A word, such as a folder. */
export function text(about: string, fallback?: string): Flag<string> {
  return { about, value: "<text>", ...given(fallback) };
}

/** One path or several. */
export function paths(about: string): Flag<readonly string[]> {
  return { about, value: "<files...>" };
}

/** A whole number above 0. */
export function count(about: string, fallback?: number): Flag<number> {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  return { about, value: "<count>", parse: numberThat(isCount, "a whole number above 0"), ...given(fallback) };
}

/** A whole number from 0. */
export function integer(about: string, fallback?: number): Flag<number> {
  const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  return { about, value: "<integer>", parse: numberThat(isWhole, "a whole number, 0 or more"), ...given(fallback) };
}

/** A number from 0. */
export function number(about: string, fallback?: number): Flag<number> {
  const isNumber = (value: number): boolean => Number.isFinite(value) && value >= 0;
  return { about, value: "<number>", parse: numberThat(isNumber, "a number, 0 or more"), ...given(fallback) };
}

/** One of some words. */
export function choice<const T extends string>(about: string, words: readonly T[], fallback: T): Flag<T> {
  return { about, value: "<name>", words, fallback };
}

/** True when it is there. */
export function flag(about: string): Flag<boolean> {
  return { about, value: "", fallback: false };
}

/** A flag that may be left out, and is undefined then. */
export function optional<T>(required: Flag<T>): Flag<T | undefined> {
  return { ...(required as Flag<T | undefined>), isOptional: true };
}

/**
 * Reads a command line: `learningRate: number("...", 1e-3)` is `--learning-rate 0.002`. `--help` prints and exits.
 * @throws ConfigError with what is wrong and, for a misspelt flag, the nearest one.
 */
export function parseFlags<F extends Readonly<Record<string, Flag<unknown>>>>(
  name: string,
  about: string,
  argv: readonly string[],
  declared: F,
): Flags<F> {
  const read = (declarations: Readonly<Record<string, Flag<unknown>>>): Flags<F> => {
    const command = new Command(name).description(about).allowExcessArguments(false).exitOverride();
    command.configureOutput({ writeErr: () => {} });
    for (const [key, declaration] of Object.entries(declarations)) command.addOption(optionOf(key, declaration));
    return command.parse([...argv], { from: "user" }).opts<Flags<F>>();
  };
  try {
    try {
      return read(declared);
    } catch (error) {
      // Commander reports a flag that is missing before one that is unknown, which may be the same flag, misspelt.
      if ((error as CommanderError).code === MISSING)
        read(Object.fromEntries(Object.entries(declared).map(([key, one]) => [key, optional(one)])));
      throw error;
    }
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    const actual = error.message
      .replace(/^error: /, "")
      .replaceAll(/\s*\n\s*/g, " ")
      .replace(/\.$/, "");
    const hint = "Run with --help for what is allowed.";
    throw new ConfigError({
      op: name,
      operand: "command line",
      expected: "flags as in --help",
      actual,
      hint,
      cause: error,
    });
  }
}

const MISSING = "commander.missingMandatoryOptionValue";

function optionOf(key: string, { about, value, words, fallback, isOptional, parse }: Flag<unknown>): Option {
  const long = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const option = new Option(`--${long} ${value}`.trimEnd(), about).default(fallback);
  if (words) option.choices(words);
  if (parse) option.argParser(parse);
  return option.makeOptionMandatory(fallback === undefined && !isOptional);
}

function numberThat(isAllowed: (value: number) => boolean, expected: string): (word: string) => number {
  return (word) => {
    const value = word.trim() === "" ? Number.NaN : Number(word);
    if (!isAllowed(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };
}

function given<T>(fallback: T | undefined): { readonly fallback?: T } {
  return fallback === undefined ? {} : { fallback };
}
