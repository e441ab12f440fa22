import { expectClose, expectFixture, expectStored, testFixtures } from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { mlaConfigOf } from "../test/fixture-config.ts";
import { ropeFrequencies, ropeTable, softmaxScale } from "./rope-table.ts";
import type { YarnScaling } from "./types.ts";

const yarn: YarnScaling = {
  type: "yarn",
  factor: 40,
  betaFast: 32,
  betaSlow: 1,
  originalMaxPositionEmbeddings: 4096,
  mscale: 1,
  mscaleAllDim: 1,
};
const plain = { qkRopeHeadDim: 64, ropeTheta: 10000, ropeScaling: null, qkNopeHeadDim: 128 };

testFixtures(
  "mla",
  "rotary tables",
  ({ tensors }) => "inv_freq" in tensors,
  (fixture) => {
    const config = mlaConfigOf(fixture.meta.config);
    const { cos, sin } = ropeTable(config, fixture.i32("positions"));
    expectFixture(fixture, "inv_freq", ropeFrequencies(config));
    expectStored(fixture, "inv_freq", ropeFrequencies(config));
    expectStored(fixture, "cos", cos);
    expectStored(fixture, "sin", sin);
    expectStored(fixture, "softmax_scale", [softmaxScale(config)]);
  },
);

test("YaRN keeps fast pairs, divides slow ones by the factor and lies between elsewhere", () => {
  const before = ropeFrequencies(plain);
  const after = ropeFrequencies({ ...plain, ropeScaling: yarn });
  const turns = before.map((frequency) => (4096 * frequency) / (2 * Math.PI));
  for (let i = 0; i < before.length; i++) {
    const ratio = after[i] / before[i];
    expect(ratio).toBeGreaterThanOrEqual(1 / 40 - 1e-15);
    expect(ratio).toBeLessThanOrEqual(1);
    if (turns[i] > 33 * 1.4) expect(ratio).toBe(1);
    if (turns[i] < 0.7) expect(ratio).toBeCloseTo(1 / 40, 14);
  }
});

test("DeepSeek-V3's softmax scale is 192^-0.5 times 1.3689 squared, and its tables are not scaled", () => {
  const config = { ...plain, ropeScaling: yarn };
  expect(softmaxScale(config) / softmaxScale(plain)).toBeCloseTo((0.1 * Math.log(40) + 1) ** 2, 14);
  expect(ropeTable(config, [0]).cos[0]).toBe(1);
});

test("without mscaleAllDim the tables carry the correction and the softmax scale is plain", () => {
  const { mscale, mscaleAllDim, ...bare } = yarn;
  const config = { ...plain, ropeScaling: bare };
  expect([mscale, mscaleAllDim, softmaxScale(config)]).toEqual([1, 1, softmaxScale(plain)]);
  expect(ropeTable(config, [0]).cos[0]).toBeCloseTo(0.1 * Math.log(40) + 1, 14);
});

test("a factor of 1 changes nothing", () => {
  const { cos } = ropeTable({ ...plain, ropeScaling: { ...yarn, factor: 1 } }, [0, 5, 131071]);
  expectClose(cos, ropeTable(plain, [0, 5, 131071]).cos, { name: "cos", atol: 1e-9 });
});

test("mscaleAllDim without mscale: the tables take the plain correction, the softmax scale its square", () => {
  const { mscale: _, ...onlyAllDim } = { ...yarn, mscaleAllDim: 0.5 };
  const config = { ...plain, ropeScaling: onlyAllDim };
  expect(ropeTable(config, [0]).cos[0]).toBeCloseTo(0.1 * Math.log(40) + 1, 14);
  expect(softmaxScale(config) / softmaxScale(plain)).toBeCloseTo((0.05 * Math.log(40) + 1) ** 2, 14);
});

test("a ramp without width is a step", () => {
  const step = { ...yarn, betaFast: 1, originalMaxPositionEmbeddings: 6 };
  const ratios = ropeFrequencies({ ...plain, ropeScaling: step }).map((f, i) => f / ropeFrequencies(plain)[i]);
  expect(ratios[0]).toBe(1);
  expectClose(ratios.subarray(1), new Float64Array(31).fill(1 / 40), { name: "ratios", rtol: 1e-14 });
});
