import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { parseOptions } from "./options.ts";

const defaults = {
  column: "text",
  preset: "tiny",
  precision: "f32",
  seed: 0,
  out: "runs/quickstart",
  fast: false,
  resume: false,
  verbose: false,
};

test("defaults", () => {
  expect(parseOptions([])).toEqual(defaults);
});

test("a literal -- in front, as pnpm run hands it, changes nothing", () => {
  expect(parseOptions(["--", "--data", "my.txt"])).toEqual({ ...defaults, data: ["my.txt"] });
});

test("every flag", () => {
  const line =
    "--data a.csv b.jsonl --column body --preset mini-v3 --precision bf16 --steps 40 --seed 7 --out runs/x --fast --kernels k.json --resume --verbose";
  expect(parseOptions(line.split(" "))).toEqual({
    data: ["a.csv", "b.jsonl"],
    column: "body",
    preset: "mini-v3",
    precision: "bf16",
    steps: 40,
    seed: 7,
    out: "runs/x",
    fast: true,
    kernels: "k.json",
    resume: true,
    verbose: true,
  });
});

test.each([
  [["--stesp", "4"], /--stesp.*Did you mean "--steps"\?/],
  [["--zzzzzzzz"], /--zzzzzzzz.*Known: --data, --column/],
  [["--steps", "0"], /above 0/],
  [["--steps", "many"], /above 0/],
  [["--seed", "-1"], /2\^32/],
  [["--seed", ""], /2\^32/],
  [["--preset", "huge"], /tiny, mini-v3/],
  [["--precision", "f8"], /f32, f16, bf16, fp8/],
  [["--data"], /argument missing/],
  [["my.txt"], /too many arguments/],
])("%j is a ConfigError that says why", (argv, message) => {
  let failure: unknown;
  try {
    parseOptions(argv);
  } catch (error) {
    failure = error;
  }
  expect(ConfigError.is(failure)).toBe(true);
  expect((failure as Error).message).toMatch(message);
});
