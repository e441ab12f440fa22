import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { choice, count, flag, integer, number, optional, parseFlags, paths, text } from "./index.ts";

const flags = {
  model: text("a folder"),
  data: paths("files"),
  learningRate: number("a rate", 0.5),
  steps: optional(count("steps")),
  seed: integer("a seed", 0),
  preset: choice("a size", ["tiny", "mini"], "tiny"),
  resume: flag("go on"),
};
const parse = (line: string) => parseFlags("program", "Does things.", line.split(" "), flags);

test("flags of every kind, and what is there without them", () => {
  expect(parse("--model m --data a.txt b.txt --learning-rate 2e-3 --steps 7 --preset mini --resume")).toEqual({
    ...{ model: "m", data: ["a.txt", "b.txt"], learningRate: 0.002, steps: 7, seed: 0, preset: "mini", resume: true },
  });
  expect(parse("--model m --data a.txt")).toEqual({
    ...{ model: "m", data: ["a.txt"], learningRate: 0.5, seed: 0, preset: "tiny", resume: false },
  });
});

test.each([
  ["--data a.txt", /'--model <text>' not specified/],
  ["--model m --data a.txt --step 3", /unknown option '--step'.*Did you mean --steps/],
  ["--modle m --data a.txt", /unknown option '--modle'.*Did you mean --model/],
  ["--model m --data a.txt --steps 0", /'0' is invalid.*whole number above 0/],
  ["--model m --data a.txt --seed 1.5", /'1\.5' is invalid.*0 or more/],
  ["--model m --data a.txt --learning-rate -1", /0 or more/],
  ["--model m --data a.txt --preset large", /Allowed choices are tiny, mini/],
])("%s is refused in one message", (line, message) => {
  expect(() => parse(line)).toThrow(message);
  expect(() => parse(line)).toThrow(expect.toSatisfy((error) => ConfigError.is(error)));
});
