import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { runCli } from "./run-cli.ts";

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runCli(argv, { stdout, stderr, stdin: new PassThrough() });
  return { code, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") };
}

const wrong: [string[], RegExp][] = [
  [[], /Usage: ds3/],
  [["dat"], /unknown command 'dat'/],
  [["data", "build"], /give a build file, or --demo with a folder/],
  [["data", "build", "a.json", "--demo", "d"], /give a build file, or --demo with a folder/],
  [["data", "build", "a.json", "--set", "seed"], /key=value is expected/],
  [["tokenizer", "train", "a.txt"], /required option '-o, --out <file>' not specified/],
  [["tokenizer", "train", "a.txt", "-o", "t", "--vocab-size", "many"], /An integer is expected/],
  [["tokenizer", "train", "a.txt", "-o", "t", "--model", "unigram"], /Allowed choices are bpe, wordpiece/],
  [["tokenizer", "encode", "t.json", "--offset"], /unknown option '--offset'/],
];
test.each(wrong)("a wrong command line is told and exits with 2: %j", async (argv, message) => {
  const { code, stdout, stderr } = await run(...argv);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(message);
});

test("help and version go to standard output and exit with 0", async () => {
  const help = await run("data", "build", "--help");
  expect([help.code, help.stderr]).toEqual([0, ""]);
  expect(help.stdout).toContain("--demo <folder>");
  expect(await run("--version")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

test("a failure is one message on standard error, and with --json a document too", async () => {
  const plain = await run("tokenizer", "inspect", "nowhere.json");
  expect([plain.code, plain.stdout]).toEqual([1, ""]);
  expect(plain.stderr).toMatch(
    /^FormatError: loadTokenizer: nowhere\.json: expected a readable tokenizer\.json, got [^\n]*\n$/,
  );
  const json = await run("tokenizer", "inspect", "nowhere.json", "--json");
  expect(JSON.parse(json.stdout).error).toMatchObject({ name: "FormatError", operand: "nowhere.json" });
  expect(json.stderr).toBe(plain.stderr);
});
