/**
 * Encoding speed beside Hugging Face's libraries, in one process on one text.
 *
 * The very first pass of the process is timed (`cold.first`) and its ids are compared with the peers' before anything
 * else is measured. Warm passes then take turns: the same tokenizers over the same texts. For cold passes each kind of
 * text gets a new tokenizer, whose making does not count; code is compiled by then, caches of words are empty.
 */
import { readFile } from "node:fs/promises";
import { requireEqualIds } from "../require-equal-ids.ts";
import { type ByKind, ratios, type Speeds, speedsOf } from "../speeds.ts";
import type { CpuFigure, TextInput } from "../suite-messages.ts";
import { bytesOf, selectTexts } from "../texts/select-texts.ts";
import { TEXT_KINDS, type TextKind } from "../texts/text-kind.ts";
import { type Contender, ds3, hfJs, rust } from "./contenders.ts";
import { timed } from "./timing.ts";

type Texts = TextInput["texts"];

const WARM_ROUNDS = 5;
/** Passes of ours in a round: the peer's takes as long as many. */
const OWN_PASSES = 3;
const COLD_ROUNDS = 3;
const JS_PASSES = 2;
/** The JavaScript peer is measured on so many bytes of each kind. */
const JS_BYTES = 300_000;

export async function* benchEncoding(input: TextInput): AsyncGenerator<CpuFigure> {
  const { texts, origin, suite } = input;
  const { json, what } = await tokenizerOf(input);
  const bytes = byKind((kind) => bytesOf(texts[kind]));
  const own = ds3(json);
  const first: number[] = [];
  const firstIds = await encodeAll(own, texts, (seconds) => first.push(seconds));
  const theirs = rust(json);
  const rustIds = await encodeAll(theirs, texts, () => {});
  requireEqualIds("tokenizers", firstIds, rustIds);
  const warm = await warmPasses(own, theirs, texts);
  const cold = await coldPasses(json, texts);
  const js = await jsPasses(json, own, texts);
  const name = `tokenizer.encode.${suite}`;
  const speeds = {
    warm: speedsOf(bytes, warm.own),
    cold: speedsOf(bytes, cold.own),
    theirWarm: speedsOf(bytes, warm.theirs),
    theirCold: speedsOf(bytes, cold.theirs),
  };
  const tokens = firstIds.reduce((sum, { length }) => sum + length, 0);
  const total = TEXT_KINDS.reduce((sum, kind) => sum + bytes[kind], 0);
  const perToken = `${(total / tokens).toFixed(2)} bytes a token`;
  yield* speedFigures(`${name}.warm`, speeds.warm, `${what}; ${origin}; ${perToken}; ids equal those of the peers`);
  yield* speedFigures(`${name}.cold`, speeds.cold, "first pass of a new tokenizer for each kind, code compiled before");
  const firstSeconds = first.reduce((sum, seconds) => sum + seconds, 0);
  yield megabytes(`${name}.cold.first`, total / 1e6 / firstSeconds, "the first pass of the process");
  yield megabytes(`${name}.warm.tokenizers`, speeds.theirWarm.all, rustNote(speeds.theirWarm));
  yield megabytes(`${name}.cold.tokenizers`, speeds.theirCold.all, list(speeds.theirCold, ""));
  yield megabytes(`${name}.warm.hf-js`, js.theirs.all, `on ${JS_BYTES / 1e6} MB of each kind: ${list(js.theirs, "")}`);
  yield ratioFigure(`ratio.${name}.warm.vs.tokenizers`, ratios(speeds.warm, speeds.theirWarm));
  yield ratioFigure(`ratio.${name}.cold.vs.tokenizers`, ratios(speeds.cold, speeds.theirCold));
  yield ratioFigure(`ratio.${name}.warm.vs.hf-js`, ratios(js.own, js.theirs));
}

async function tokenizerOf({ suite, deepseek, small }: TextInput): Promise<{ json: string; what: string }> {
  if (suite === "deepseek") return { json: await readFile(deepseek, "utf8"), what: "DeepSeek-V3's 128,815 tokens" };
  return { json: await readFile(small.path, "utf8"), what: small.origin };
}

/** Ids of every text; `onKind` gets the seconds of each kind. */
async function encodeAll(
  contender: Contender,
  texts: Texts,
  onKind: (seconds: number) => void,
): Promise<ArrayLike<number>[]> {
  const all: ArrayLike<number>[] = [];
  for (const kind of TEXT_KINDS) {
    const start = performance.now();
    for (const text of texts[kind]) all.push(await contender.ids(text));
    onKind((performance.now() - start) / 1000);
  }
  return all;
}

interface Passes {
  readonly own: ByKind[];
  readonly theirs: ByKind[];
}

async function warmPasses(own: Contender, theirs: Contender, texts: Texts): Promise<Passes> {
  const passes: Passes = { own: [], theirs: [] };
  await passOver(() => own, texts); // functions that return ids alone are compiled, too
  for (let round = 0; round < WARM_ROUNDS; round++) {
    for (let i = 0; i < OWN_PASSES; i++) passes.own.push(await passOver(() => own, texts));
    passes.theirs.push(await passOver(() => theirs, texts));
  }
  return passes;
}

async function coldPasses(json: string, texts: Texts): Promise<Passes> {
  const passes: Passes = { own: [], theirs: [] };
  for (let round = 0; round < COLD_ROUNDS; round++) {
    passes.own.push(await passOver(() => ds3(json), texts));
    passes.theirs.push(await passOver(() => rust(json), texts));
  }
  return passes;
}

async function jsPasses(json: string, own: Contender, texts: Texts): Promise<{ own: Speeds; theirs: Speeds }> {
  const part = byKind((kind) => selectTexts(texts[kind], JS_BYTES));
  const theirs = hfJs(json);
  const ids = await encodeAll(theirs, part, () => {});
  requireEqualIds("@huggingface/tokenizers", await encodeAll(own, part, () => {}), ids);
  const passes: Passes = { own: [], theirs: [] };
  for (let i = 0; i < JS_PASSES; i++) {
    passes.own.push(await passOver(() => own, part));
    passes.theirs.push(await passOver(() => theirs, part));
  }
  const bytes = byKind((kind) => bytesOf(part[kind]));
  return { own: speedsOf(bytes, passes.own), theirs: speedsOf(bytes, passes.theirs) };
}

/** Seconds of one pass over each kind, by the contender that `make` gives for it. */
async function passOver(make: () => Contender, texts: Texts): Promise<ByKind> {
  const seconds: Partial<Record<TextKind, number>> = {};
  for (const kind of TEXT_KINDS) {
    const contender = make();
    seconds[kind] = await timed(() => contender.pass(texts[kind]));
  }
  return seconds as ByKind;
}

function byKind<T>(value: (kind: TextKind) => T): Readonly<Record<TextKind, T>> {
  return { english: value("english"), chinese: value("chinese"), code: value("code") };
}

function* speedFigures(name: string, speeds: Speeds, note: string): Generator<CpuFigure> {
  yield megabytes(name, speeds.all, note);
  for (const kind of TEXT_KINDS) yield megabytes(`${name}.${kind}`, speeds[kind]);
}

function megabytes(name: string, value: number, note?: string): CpuFigure {
  return { name, value, unit: "MB/s", ...(note !== undefined && { note }) };
}

function ratioFigure(name: string, values: Speeds): CpuFigure {
  return { name, value: values.all, unit: "ratio", note: list(values, " times") };
}

function rustNote(speeds: Speeds): string {
  return `the Rust code, encode one call at a time, one thread, ids not taken over: ${list(speeds, "")}`;
}

function list(speeds: Speeds, unit: string): string {
  return TEXT_KINDS.map((kind) => `${kind} ${speeds[kind].toPrecision(3)}${unit}`).join(", ");
}
