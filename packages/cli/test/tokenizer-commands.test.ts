import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseTokenizer } from "@ds3/tokenizer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runDs3 } from "./run-ds3.ts";
import { chinese, english, writeTexts } from "./texts.ts";

const cwd = mkdtempSync(join(tmpdir(), "ds3-cli-"));

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

beforeAll(async () => {
  writeTexts(cwd, 40);
  writeFileSync(join(cwd, "a.txt"), english(1));
  const { code, stderr } = await runDs3(
    ["tokenizer", "train", "a.txt", "in/zh.txt", "-o", "t.json", "--vocab-size", "330"],
    { cwd },
  );
  expect(code, stderr).toBe(0);
});

const load = (path: string) => parseTokenizer(readFileSync(join(cwd, path), "utf8"));

test("train writes a tokenizer with DeepSeek-V3's special tokens and says what it was trained on", async () => {
  const args = ["tokenizer", "train", "in/zh.txt", "a.txt", "--vocab-size", "330", "-o", "deep/er/t.json", "--json"];
  const { code, stdout, stderr } = await runDs3(args, { cwd });
  expect(code, stderr).toBe(0);
  const { seconds, ...result } = JSON.parse(stdout);
  const bytes = Buffer.byteLength(english(1)) + readFileSync(join(cwd, "in", "zh.txt")).length;
  expect(result).toEqual({ out: "deep/er/t.json", vocabSize: 330, documents: 2, bytes });
  expect(seconds).toBeGreaterThan(0);
  const tokenizer = load("deep/er/t.json");
  expect([tokenizer.vocabSize, tokenizer.idOf("<｜begin▁of▁sentence｜>"), tokenizer.idOf("<｜fim▁end｜>")]).toEqual([
    330, 0, 7,
  ]);
  const text = english(1) + chinese(1);
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
});

test("train: special tokens, pre-tokenizer, WordPiece, and the pipeline of an old tokenizer", async () => {
  const train = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await runDs3(["tokenizer", "train", "a.txt", ...args], { cwd });
    expect(code, stderr).toBe(0);
  };
  await train("-o", "g.json", "--vocab-size", "300", "--pre-tokenizer", "gpt2", "--special", "<a>", "--special", "<b>");
  expect(load("g.json").specialTokens).toEqual(["<a>", "<b>"]);
  await train("-o", "n.json", "--vocab-size", "260", "--no-special");
  expect([load("n.json").vocabSize, load("n.json").specialTokens]).toEqual([260, []]);
  await train("-o", "w.json", "--vocab-size", "60", "--model", "wordpiece");
  expect(JSON.parse(load("w.json").toJson()).model.type).toBe("WordPiece");
  await train("-o", "f.json", "--vocab-size", "290", "--from", "g.json");
  expect(load("f.json").specialTokens).toEqual(["<a>", "<b>"]);
  expect(JSON.parse(load("f.json").toJson()).pre_tokenizer).toEqual(JSON.parse(load("g.json").toJson()).pre_tokenizer);
  expect(load("f.json").vocabSize).toBe(290);
});

test("train: a vocabulary that is too small is one message, and no file", async () => {
  const { code, stdout, stderr } = await runDs3(
    ["tokenizer", "train", "a.txt", "-o", "no.json", "--vocab-size", "9", "--json"],
    { cwd },
  );
  expect(code).toBe(1);
  const { error } = JSON.parse(stdout);
  expect(error).toMatchObject({ name: "OutOfRangeError", op: "trainBpe", operand: "vocabSize", actual: "9" });
  expect(stderr).toContain(`OutOfRangeError: ${error.message}`);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(existsSync(join(cwd, "no.json"))).toBe(false);
});

test("encode and decode are each other's way back, through standard input and files", async () => {
  const text = `${english(2)}\n中文 🎉\n`;
  const ids = [...load("t.json").encode(text)];
  const encoded = await runDs3(["tokenizer", "encode", "t.json"], { cwd, stdin: text });
  expect(encoded).toMatchObject({ code: 0, stdout: `${ids.join(" ")}\n`, stderr: "" });
  const decoded = await runDs3(["tokenizer", "encode", "t.json", "--decode"], { cwd, stdin: encoded.stdout });
  expect(decoded).toMatchObject({ code: 0, stdout: text });
  const { stdout } = await runDs3(["tokenizer", "encode", "t.json", "a.txt", "in/zh.txt", "--json"], { cwd });
  const { texts } = JSON.parse(stdout);
  expect(texts.map(({ source }: { source: string }) => source)).toEqual(["a.txt", "in/zh.txt"]);
  expect(texts[0].ids).toEqual([...load("t.json").encode(english(1))]);
});

test("encode tells the place of each token, in the unit asked for", async () => {
  const stdin = "中文 🎉\nthe end";
  const args = ["tokenizer", "encode", "t.json", "--lines", "--offsets"];
  const { stdout } = await runDs3([...args, "--json"], { cwd, stdin });
  const { texts } = JSON.parse(stdout);
  expect(texts.map(({ source }: { source: string }) => source)).toEqual(["-:1", "-:2"]);
  const { ids, tokens, offsets } = texts[1];
  expect(offsets.map(([from, to]: [number, number]) => "the end".slice(from, to)).join("")).toBe("the end");
  expect([tokens.length, offsets.length]).toEqual([ids.length, ids.length]);
  const rows = (await runDs3([...args, "--unit", "byte"], { cwd, stdin: "中文" })).stdout.trim().split("\n");
  expect(Number(rows.at(-1)!.split("\t")[2])).toBe(6);
  expect(rows.map((row) => Number(row.split("\t")[0]))).toEqual([...load("t.json").encode("中文")]);
});

test("inspect measures texts by language and draws a page of its own", async () => {
  const { code, stdout, stderr } = await runDs3(
    ["tokenizer", "inspect", "t.json", "in", "--html", "t.html", "--json"],
    { cwd },
  );
  expect(code, stderr).toBe(1); // the bad line of en.jsonl
  expect(JSON.parse(stdout).error.operand).toBe("in/en.jsonl:4");
  const good = await runDs3(["tokenizer", "inspect", "t.json", "a.txt", "in/zh.txt", "--html", "t.html", "--json"], {
    cwd,
  });
  const figures = JSON.parse(good.stdout);
  expect(figures).toMatchObject({ tokenizer: "t.json", vocabSize: 330, model: "BPE", addedTokens: 8, html: "t.html" });
  expect(figures.languages.map(({ name }: { name: string }) => name)).toEqual(["zh", "en"]);
  const tokenizer = load("t.json");
  const [zh, en] = figures.languages;
  expect(en).toMatchObject({ documents: 1, bytes: english(1).length, tokens: tokenizer.encode(english(1)).length });
  expect(en.bytesPerToken).toBeCloseTo(en.bytes / en.tokens, 12);
  expect(zh.charactersPerToken).toBeLessThan(zh.bytesPerToken / 2);
  expect(figures.total.tokens).toBe(zh.tokens + en.tokens);
  expect(figures.tokenBytes.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(322);
  const page = readFileSync(join(cwd, "t.html"), "utf8");
  expect(page).toContain("<svg");
  expect(page).not.toMatch(/<script|(?:href|src)=|url\(http/);
  const { stdout: text } = await runDs3(["tokenizer", "inspect", "t.json"], { cwd });
  expect(text).toMatch(/^t\.json: BPE, 330 tokens, 8 of them added/);
});

test("encode finds added tokens in texts, or takes them as ordinary text", async () => {
  const stdin = "<｜User｜>";
  const encode = async (...args: string[]): Promise<number[]> => {
    const { stdout } = await runDs3(["tokenizer", "encode", "t.json", ...args, "--json"], { cwd, stdin });
    return JSON.parse(stdout).texts[0].ids;
  };
  expect(await encode()).toEqual([load("t.json").idOf(stdin)]);
  const plain = await encode("--added-tokens", "none");
  expect(plain.length).toBeGreaterThan(1);
  expect(load("t.json").decode(plain)).toBe(stdin);
});

test("a path that is not there says so", async () => {
  const { code, stderr } = await runDs3(["tokenizer", "train", "nothere", "-o", "no.json"], { cwd });
  expect([code, stderr]).toEqual([1, expect.stringContaining("nothere: expected a readable file, got no such file")]);
});
