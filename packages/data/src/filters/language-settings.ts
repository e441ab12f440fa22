import { ConfigError, didYouMean } from "@ds3/errors";
import type { Document } from "../document.ts";
import { isObject, shown } from "../require-value.ts";

/** What a setting may hold, for checks and their messages. */
export interface Rule {
  readonly expected: string;
  accepts(value: unknown): boolean;
}

/** An integer >= 0, or null for a rule that is off. */
export const COUNT: Rule = {
  expected: "an integer >= 0, or null for off",
  accepts: (value) => value === null || (Number.isSafeInteger(value) && (value as number) >= 0),
};
/** A number >= 0, or null for a rule that is off. */
export const AMOUNT: Rule = {
  expected: "a number >= 0, or null for off",
  accepts: (value) => value === null || (typeof value === "number" && value >= 0),
};
/** A share of a whole, or null for a rule that is off. */
export const SHARE: Rule = {
  expected: "a share in [0, 1], or null for off",
  accepts: (value) => value === null || isShare(value),
};
/** True or false. */
export const SWITCH: Rule = { expected: "true or false", accepts: (value) => typeof value === "boolean" };
/** Characters in one string, or null for a rule that is off. */
export const CHARACTERS: Rule = {
  expected: "a string of characters that is not empty, or null for off",
  accepts: (value) => value === null || (typeof value === "string" && value !== ""),
};
/** Non-empty strings; an empty list turns the rule off. */
export const WORDS: Rule = {
  expected: "an array of strings that are not empty",
  accepts: (value) => Array.isArray(value) && value.every((word) => typeof word === "string" && word !== ""),
};
/** Lengths of n-grams with the largest share allowed, e.g. {2: 0.2}; an empty object turns the rule off. */
export const NGRAM_SHARES: Rule = {
  expected: "an object of n-gram lengths from 1 to 100 with shares in [0, 1], such as {2: 0.2}",
  accepts: (value) =>
    isObject(value) && Object.entries(value).every(([n, share]) => /^([1-9]\d?|100)$/.test(n) && isShare(share)),
};

/** Settings by language: `en`, `zh`, `code`, any other code, and `default` for all languages without their own. */
export type SettingsByLanguage<S> = Readonly<Record<string, Partial<S>>>;

/** What a filter of this package knows by itself: settings for `default`, and for the languages it has tuned. */
export type BuiltInSettings<S> = Readonly<{ default: S } & Record<string, S>>;

/**
 * The function that gives a document its settings: the built-in ones of its language, with the given ones over them.
 *
 * A language without built-in settings has those of `default`, the given ones for `default` included. A regional tag
 * (`zh-Hant`) goes by its first part, unless it has settings of its own; a document without a language is `und`.
 * @throws ConfigError for a setting with an unknown name or a value its rule does not accept.
 */
export function settingsOf<S extends object>(
  op: string,
  rules: Readonly<Record<keyof S & string, Rule>>,
  builtIn: BuiltInSettings<S>,
  given: SettingsByLanguage<S> = {},
): (document: Document) => S {
  checkObject(op, "settings", given, "an object of languages, such as {en: {...}}");
  for (const [language, settings] of Object.entries(given)) checkSettings(op, language, settings, rules);
  const cache = new Map<string, S>();
  return ({ language = "und" }) => {
    let found = cache.get(language);
    if (found === undefined) {
      found = resolve(language, builtIn, given);
      cache.set(language, found);
    }
    return found;
  };
}

function resolve<S extends object>(tag: string, builtIn: BuiltInSettings<S>, given: SettingsByLanguage<S>): S {
  const language = tag.toLowerCase().split(/[-_]/)[0]!;
  const own = (Object.hasOwn(given, tag) && given[tag]) || (Object.hasOwn(given, language) && given[language]) || {};
  if (Object.hasOwn(builtIn, language)) return { ...builtIn[language as keyof typeof builtIn], ...own };
  return { ...builtIn.default, ...given.default, ...own };
}

function checkSettings(op: string, language: string, settings: unknown, rules: Readonly<Record<string, Rule>>): void {
  const keys = Object.keys(rules);
  const hint = keys.includes(language)
    ? `Settings go by language: {default: {${language}: ...}}.`
    : `Its settings: ${keys.join(", ")}.`;
  checkObject(op, language, settings, "settings of a language, an object", hint);
  for (const [key, value] of Object.entries(settings as object)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    const operand = `${language}.${key}`;
    if (rule === undefined) {
      throw new ConfigError({
        op,
        operand,
        expected: "a setting of this filter",
        actual: key,
        hint: didYouMean(key, keys),
      });
    }
    if (!rule.accepts(value)) {
      throw new ConfigError({ op, operand, expected: rule.expected, actual: shown(value) });
    }
  }
}

function checkObject(op: string, operand: string, value: unknown, expected: string, hint?: string): void {
  if (isObject(value)) return;
  const actual = shown(value);
  throw new ConfigError({ op, operand, expected, actual, ...(hint === undefined ? {} : { hint }) });
}

function isShare(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= 1;
}
