import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { parseTuneOptions } from "./options.ts";

const defaults = {
  ...{ presets: ["mini", "tiny"], batch: 4, length: 256, squares: [512, 1024], out: "ds3-kernels.json" },
  ...{ minGain: 0.03, windows: 7, cpuTime: false, only: "", all: false },
};

test.each([
  ["", {}],
  ["--", {}],
  ["--preset mini-v3 gpt --no-squares", { presets: ["mini-v3", "gpt"], squares: [] }],
  ["--batch 2 --length 64 --squares 256 --budget 90", { batch: 2, length: 64, squares: [256], budget: 90 }],
  ["--out k.json --min-gain 0.1 --windows 3", { out: "k.json", minGain: 0.1, windows: 3 }],
  ["--cpu-time --only flash --all", { cpuTime: true, only: "flash", all: true }],
])("%s", (line, options) => {
  expect(parseTuneOptions(line.split(" ").filter(Boolean))).toEqual({ ...defaults, ...options });
});

test.each([
  ["--preset minni", /there is no preset "minni".*Did you mean "mini"/],
  ["--squares 512 many", /whole number of at least 1/],
  ["--bugdet 3", /--bugdet.*Did you mean "--budget"\?/],
  ["--min-gain 2", /--min-gain.*share from 0 to below 1/],
  ["extra", /too many arguments/],
])("%s is refused", (line, message) => {
  const parse = (): unknown => parseTuneOptions(line.split(" "));
  expect(parse).toThrow(message);
  expect(parse).toThrow(expect.toSatisfy((error) => ConfigError.is(error)));
});
