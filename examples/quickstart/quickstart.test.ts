import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, EmptyDataError } from "@ds3/data";
import { loadCheckpoint } from "@ds3/deepseek/node";
import { ConfigError, FormatError } from "@ds3/errors";
import { openGpu } from "@ds3/tensor";
import { parseSafetensors } from "@ds3/tensor/safetensors";
import { loadChatTemplate, loadTokenizer } from "@ds3/tokenizer/node";
import { TrainingCheckpointError } from "@ds3/trainer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareGrpo } from "./compare-grpo.ts";
import { quickstart } from "./main.ts";
import { parseOptions } from "./options.ts";
import { errorText } from "./run-command.ts";
import type { RunRecord } from "./run-record.ts";

const words =
  "the cat sat on a mat while seven small birds sang of rain and 春天 in {code}; then(x) => all was quiet".split(" ");

/** Sentences of words drawn by a seed: text with something to learn, and nothing to download. */
function inventText(wordCount: number, seed: number): string {
  const random = createRandom({ seed });
  const drawn = Array.from({ length: wordCount }, () => words[random.below(words.length)]!);
  return drawn.map((word, i) => (i % 9 === 8 ? `${word}.\n` : `${word} `)).join("");
}

let folder: string;
let text: string;
let table: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-quickstart-"));
  text = join(folder, "my.txt");
  table = join(folder, "rows.csv");
  await writeFile(text, inventText(20_000, 1));
  const rows = Array.from({ length: 60 }, (_, i) => `${i},"${inventText(120, i + 2)}"`);
  await writeFile(table, ["id,text", ...rows].join("\n"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Run {
  readonly lines: string[];
  readonly out: string;
}

/** One run in a folder of its own; `stopAt`: abort when this is printed. */
async function run(name: string, flags: string, stopAt?: RegExp): Promise<Run> {
  const out = join(folder, name);
  const lines: string[] = [];
  const controller = new AbortController();
  const print = (line: string): void => {
    lines.push(line);
    if (stopAt?.test(line)) controller.abort();
  };
  const options = parseOptions([...flags.split(" ").filter(Boolean), "--out", out]);
  await quickstart(options, { print, status: print }, controller.signal);
  return { lines, out };
}

const readJson = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, "utf8"));
const readReport = ({ out }: Run) => readJson(join(out, "report.json")) as Promise<RunRecord & { marginNats: number }>;

describe("a run on a text file", () => {
  let whole: Run;
  beforeAll(async () => {
    whole = await run("whole", `--data ${text} --fast --steps 6`);
  });

  test("ends with the report's link, the next command, and the chat", () => {
    expect(whole.lines.at(-3)).toContain(`file://${whole.out}/report.html`);
    expect(whole.lines.at(-2)).toMatch(/twice as long: npx --yes pnpm@12 quickstart --data .* --steps 12/);
    expect(whole.lines.at(-1)).toMatch(/chat +npx --yes pnpm@12 chat --model .*whole\/model$/);
  });

  test("every stage has its figure before and after, its curves, and replies to the same questions", async () => {
    const { stages, validation, tokens } = await readReport(whole);
    expect(stages.map(({ name }) => name)).toEqual(["pretrain", "sft", "dpo", "grpo"]);
    expect(stages[0]).toMatchObject({ after: validation.lossNats, n: tokens.validated });
    expect(stages.slice(1).map(({ n }) => n)).toEqual([12, 48, 24]);
    // An untrained chat knows no answer, and a policy has gained nothing on itself.
    expect(stages[1]!.before).toBe(0);
    expect(stages[2]!.before).toBe(0.5);
    for (const { seconds, curves, conversations } of stages.slice(1)) {
      expect(seconds).toBeGreaterThan(0);
      expect(curves.every(({ steps, values }) => steps.length > 0 && steps.length === values.length)).toBe(true);
      expect(conversations).toHaveLength(4);
    }
    const [sft, dpo, grpo] = stages.slice(1).map(({ conversations }) => conversations);
    expect(dpo!.map(({ before }) => before)).toEqual(sft!.map(({ after }) => after));
    expect(grpo!.map(({ before }) => before)).toEqual(dpo!.map(({ after }) => after));
  });

  test("the report's json has every figure, and they agree", async () => {
    const report = await readReport(whole);
    expect(report.marginNats).toBeCloseTo(report.baseline.lossNats - report.validation.lossNats, 12);
    expect(report.tokens.trained).toBe(6 * 4 * 256);
    expect(report.baseline.countedTokens).toBe(6 * 4 * 256);
    expect(report.tokens.validated).toBeGreaterThan(100);
    expect(report.curves.steps).toEqual([1, 2, 3, 4, 5, 6]);
    expect(report.curves.mtp).toHaveLength(6);
    expect(report.curves.learningRate[0]).toBe(0);
    expect(report.curves.validation.at(-1)).toEqual({ step: 6, lossNats: report.validation.lossNats });
    // Bits per byte lie below nats per token by what a token is worth in bytes.
    expect(report.validation.bitsPerByte).toBeLessThan(report.validation.lossNats / Math.LN2);
    // The main head has learned: an untrained one is at ln V, 6.2.
    expect(report.curves.train.at(-1)).toBeLessThan(report.curves.train[0]! - 0.3);
    expect(report.expertLoads.map(({ layer }) => layer)).toEqual(["layer 2", "layer 3", "MTP 1"]);
    const eachTwice = 2 * 4 * 256;
    expect(report.expertLoads[0]!.loads[5]!.reduce((a, b) => a + b)).toBe(eachTwice);
    expect(report.sources).toMatchObject([{ name: text, origin: "your file", documents: 2 }]);
    expect(report.samples.length).toBeGreaterThan(0);
    expect(report.command).toContain(`--data ${text} --steps 6`);
  });

  test("leaves a page, metrics, and a folder that loads as a model with its tokenizer", async () => {
    expect((await stat(join(whole.out, "report.html"))).size).toBeGreaterThan(10_000);
    const metrics = (await readFile(join(whole.out, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    expect(metrics.filter((line) => "loss" in JSON.parse(line))).toHaveLength(6);
    const tokenizer = await loadTokenizer(join(whole.out, "model", "tokenizer.json"));
    const template = await loadChatTemplate(join(whole.out, "model"));
    expect(template.render([{ role: "user", content: "hi" }], { addGenerationPrompt: true })).toMatch(
      /hi<｜Assistant｜>$/,
    );
    await using gpu = await openGpu();
    const model = await loadCheckpoint(gpu, join(whole.out, "model"));
    expect(model.config.vocabSize).toBe(tokenizer.vocabSize);
  });

  test("stopped and resumed it ends bit for bit the same", async () => {
    const stopped = await run("halves", `--data ${text} --fast --steps 6`, /first sample/);
    expect(stopped.lines.at(-2)).toMatch(/Stopped at step [1-5] of 6/);
    expect(stopped.lines.at(-1)).toMatch(/--resume$/);
    // The second session is stopped in a later stage, whose first step is not even taken.
    const later = await run("halves", `--data ${text} --fast --steps 6 --resume`, /^grpo +before/);
    expect(later.lines.at(-2)).toContain("Stopped in grpo");
    expect(later.lines.at(-1)).toMatch(/--resume$/);
    const resumed = await run("halves", `--data ${text} --fast --steps 6 --resume`);
    const weights = (out: string) => readFile(join(out, "model", "model.safetensors"));
    expect((await weights(resumed.out)).equals(await weights(whole.out))).toBe(true);
    const [a, b] = [await readReport(whole), await readReport(resumed)];
    expect(b.curves).toEqual(a.curves);
    expect(b.samples).toEqual(a.samples);
    expect(b.expertLoads).toEqual(a.expertLoads);
    const figures = ({ stages }: RunRecord) => stages.map(({ seconds, ...rest }) => rest);
    expect(figures(b)).toEqual(figures(a));
  });

  test("its last stage can be compared over seeds, with shuffled rewards as the control", async () => {
    const lines: string[] = [];
    const terminal = { print: (line: string) => void lines.push(line), status: () => {} };
    const results = await compareGrpo(whole.out, terminal, new AbortController().signal);
    const kinds = results.map(({ kind, seed }) => `${kind} ${seed}`);
    expect(kinds).toEqual([1, 2, 3, 1, 2, 3].map((seed, i) => `${i < 3 ? "" : "shuffled "}rewards ${seed}`));
    // All six begin with the weights that the stage itself began with.
    const { before } = (await readReport(whole)).stages.at(-1)!;
    expect(results.map((result) => result.before)).toEqual(Array.from({ length: 6 }, () => before));
    expect(lines).toHaveLength(6);
    await expect(compareGrpo(join(folder, "nowhere"), terminal, new AbortController().signal)).rejects.toThrow(
      /a finished quickstart, got .*ENOENT.*quickstart first/,
    );
  });

  test("does not resume on another text, and leaves the run as it was", async () => {
    const before = await readFile(join(whole.out, "tokenizer.json"));
    const other = join(folder, "other.txt");
    await writeFile(other, inventText(20_000, 99).toUpperCase());
    await expect(run("whole", `--data ${other} --fast --steps 6 --resume`)).rejects.toSatisfy((error: unknown) =>
      TrainingCheckpointError.is(error),
    );
    expect((await readFile(join(whole.out, "tokenizer.json"))).equals(before)).toBe(true);
  });

  test("does not resume with other settings", async () => {
    const attempt = run("whole", `--data ${text} --fast --steps 7 --resume`);
    await expect(attempt).rejects.toThrow(/steps: expected 7, got 6/);
    await expect(attempt).rejects.toSatisfy((error: unknown) => TrainingCheckpointError.is(error));
  });
});

test("every stage in FP8, with moments in BF16, and the command that repeats it", { timeout: 300_000 }, async () => {
  const fp8 = await run("fp8", `--data ${text} --precision fp8 --fast --steps 1`);
  expect(await readReport(fp8)).toMatchObject({
    precision: "fp8",
    command: expect.stringContaining("--precision fp8"),
  });
  for (const stage of ["", "dpo", "grpo", "sft/chat"]) {
    const steps = await readdir(join(fp8.out, stage, "checkpoints"));
    const file = join(fp8.out, stage, "checkpoints", steps.sort().at(-1)!, "optimizer.safetensors");
    const moments = [...parseSafetensors(await readFile(file)).values()];
    expect(new Set(moments.map(({ dtype }) => dtype)), `moments of ${stage || "pretrain"}`).toEqual(new Set(["BF16"]));
  }
});

test("mini-v3 on a CSV's text column: special tokens <unk> <s> </s>, two of four experts", async () => {
  const { out, lines } = await run("mini", `--data ${table} --preset mini-v3 --fast --steps 1`);
  expect(await readJson(join(out, "model", "config.json"))).toMatchObject({
    n_routed_experts: 4,
    num_experts_per_tok: 2,
    bos_token_id: 1,
    eos_token_id: 2,
  });
  const tokenizer = await loadTokenizer(join(out, "tokenizer.json"));
  expect(tokenizer.specialTokens).toEqual([
    "<unk>",
    "<s>",
    "</s>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<think>",
    "</think>",
  ]);
  expect(lines.at(-2)).toContain("--data");
});

describe("what cannot work says so", () => {
  test("an empty file", async () => {
    const path = join(folder, "empty.txt");
    await writeFile(path, "");
    await expect(run("x", `--data ${path}`)).rejects.toSatisfy((error: unknown) => EmptyDataError.is(error));
  });

  test("a file in place of the folder for results", async () => {
    await writeFile(join(folder, "taken"), "mine");
    const attempt = run("taken", `--data ${text} --fast`);
    await expect(attempt).rejects.toThrow(/--out: expected a folder, got the file .*taken/);
    expect(await readFile(join(folder, "taken"), "utf8")).toBe("mine");
  });

  test("a missing file", async () => {
    const attempt = run("x", `--data ${join(folder, "none.txt")}`);
    await expect(attempt).rejects.toSatisfy((error: unknown) => FormatError.is(error));
    await expect(attempt).rejects.toThrow(/none\.txt/);
  });

  test("a table without the column", async () => {
    const attempt = run("x", `--data ${table} --column body`);
    await expect(attempt).rejects.toSatisfy((error: unknown) => ConfigError.is(error));
    await expect(attempt).rejects.toThrow(/body/);
  });

  test("too little text for one batch", async () => {
    const path = join(folder, "short.txt");
    await writeFile(path, inventText(60, 5));
    const attempt = run("x", `--data ${path}`);
    await expect(attempt).rejects.toThrow(/training documents: expected at least 1,025 tokens.*--data/);
    await expect(attempt).rejects.toSatisfy((error: unknown) => EmptyDataError.is(error));
    await expect(stat(join(folder, "x"))).rejects.toThrow(/ENOENT/);
  });
});

test("named errors are one message; the stack comes with --verbose, or for what is not foreseen", () => {
  const error = new ConfigError({ op: "quickstart", operand: "x", expected: "1", actual: "2" });
  expect(errorText(error, false)).toBe("ConfigError: quickstart: x: expected 1, got 2.");
  expect(errorText(error, true)).toMatch(/\n {4}at /);
  expect(errorText(new TypeError("y"), false)).toMatch(/\n {4}at /);
});
