import { type Ds3Error, didYouMean } from "@ds3/errors";
import type { Document } from "../document.ts";
import { excerpt } from "../parse-json.ts";
import type { ReadContext } from "./read-context.ts";

/** Which parts of a record make a document. */
export interface TextFields {
  /** The key or column that holds the text. */
  readonly textKey: string;
  /** Further keys or columns to keep as `meta`; those that a record lacks are left out. */
  readonly metaKeys: readonly string[];
  readonly corpus: string | undefined;
}

/** The document of a JSON object. @throws FormatError for a text that is none; ConfigError when the key is missing. */
export function documentOfObject(value: unknown, line: number, context: ReadContext, fields: TextFields): Document {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const actual = excerpt(JSON.stringify(value));
    throw context.formatError(line, { expected: "a JSON object on one line", actual });
  }
  const record = value as Readonly<Record<string, unknown>>;
  const text = record[fields.textKey];
  if (typeof text !== "string") throw noText(record, line, context, fields.textKey);
  return makeDocument(text, `${context.file}:${line}`, fields, (key) => record[key]);
}

/** The error for a record whose text is not there, or is no string. */
export function noText(
  record: Readonly<Record<string, unknown>>,
  line: number,
  context: ReadContext,
  textKey: string,
): Ds3Error {
  if (Object.hasOwn(record, textKey)) {
    const actual = excerpt(showJson(record[textKey]));
    const hint = "Keep such records aside with { onReject }.";
    return context.formatError(line, { expected: `a string under "${textKey}"`, actual, hint });
  }
  const keys = Object.keys(record);
  const hint = `${didYouMean(textKey, keys)} Choose with { textKey }.`;
  return context.configError(line, { expected: `the key "${textKey}"`, actual: keys.join(", ") || "no key", hint });
}

/** A document of its parts. */
export function makeDocument(
  text: string,
  source: string,
  { metaKeys, corpus }: TextFields,
  valueAt: (key: string) => unknown,
): Document {
  if (metaKeys.length === 0) return corpus === undefined ? { text, source } : { text, source, corpus };
  const meta: Record<string, unknown> = {};
  for (const key of metaKeys) {
    const value = valueAt(key);
    if (value !== undefined) meta[key] = value;
  }
  return corpus === undefined ? { text, source, meta } : { text, source, corpus, meta };
}

/** A value as JSON, whole numbers of any size as strings. */
export function showJson(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? part.toString() : part)) ?? "nothing";
}
