import { expect, test } from "vitest";
import { commandLine } from "./command-line.ts";
import { parseOptions } from "./options.ts";

test("flags at their defaults are left out", () => {
  expect(commandLine(parseOptions([]))).toBe("npx --yes pnpm@12 quickstart");
});

test("every flag comes back, quoted for a shell; --verbose and an old --resume do not matter to a repetition", () => {
  const line = [
    "--data",
    "a b.csv",
    "it's.txt",
    "--column",
    "body",
    "--preset",
    "mini-v3",
    "--precision",
    "bf16",
    "--steps",
    "4",
  ];
  const options = parseOptions([
    ...line,
    "--seed",
    "7",
    "--out",
    "runs/x",
    "--fast",
    "--kernels",
    "k.json",
    "--resume",
    "--verbose",
  ]);
  const repeated =
    "npx --yes pnpm@12 quickstart --data 'a b.csv' 'it'\\''s.txt' --column body --preset mini-v3 --precision bf16 --steps 4 --seed 7 " +
    "--out runs/x --fast --kernels k.json";
  expect(commandLine(options)).toBe(repeated);
  expect(commandLine(options, { resume: true })).toBe(`${repeated} --resume`);
});
