import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { parseOptions } from "./options.ts";

const defaults = { mode: "own", json: false, only: "", steps: 10, steadySteps: 1000, megabytes: 2000 };

test("defaults, with or without the literal -- of pnpm run", () => {
  expect(parseOptions([])).toEqual(defaults);
  expect(parseOptions(["--", "--json"])).toEqual({ ...defaults, json: true });
});

test.each([
  ["--only matmul --out all.json --steps 3", { only: "matmul", out: "all.json", steps: 3 }],
  ["--profile", { mode: "profile" }],
  ["--peers --only 512", { mode: "peers", only: "512" }],
  ["--cold --json", { mode: "cold", json: true }],
  ["--steady", { mode: "steady", steadySteps: 1000 }],
  ["--steady 50", { mode: "steady", steadySteps: 50 }],
  ["--kernels k.json", { kernels: "k.json" }],
  ["--kernels k.json --profile", { mode: "profile", kernels: "k.json" }],
  ["--tokenizer-training --text all.jsonl", { mode: "tokenizerTraining", text: "all.jsonl" }],
  ["--data-memory", { mode: "dataMemory" }],
  ["--data-memory 30", { mode: "dataMemory", megabytes: 30 }],
  ["--scale --plot chart.svg", { mode: "scale", plot: "chart.svg" }],
])("%s", (line, options) => {
  expect(parseOptions(line.split(" "))).toEqual({ ...defaults, ...options });
});

test.each([
  ["--perrs", /--perrs.*Did you mean "--peers"\?/],
  ["--steps 0", /--steps.*at least 1/],
  ["--steady 3", /--steady.*at least 4/],
  ["--peers --cold", /expected one of these flags, got --peers and --cold/],
  ["--cold --data-memory", /got --cold and --data-memory/],
  ["--data-memory 0", /--data-memory.*at least 1/],
  ["--text all.jsonl", /expected --text with --tokenizer-training/],
  ["--tokenizer-training --only data", /expected --tokenizer-training by itself/],
  ["--plot chart.svg", /expected --plot with --scale/],
  ["--steady --only gpt", /expected --steady by itself/],
  ["--kernels k.json --peers", /expected --kernels alone or with --profile, got --kernels with --peers/],
  ["--profile --json", /expected --profile by itself/],
  ["extra", /too many arguments/],
])("%s is refused", (line, message) => {
  const parse = (): unknown => parseOptions(line.split(" "));
  expect(parse).toThrow(message);
  expect(parse).toThrow(expect.toSatisfy((error) => ConfigError.is(error)));
});
