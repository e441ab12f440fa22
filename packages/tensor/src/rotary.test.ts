import { testOp, uniforms, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { add } from "./arithmetic.ts";
import { rotaryRef } from "./rotary.ref.ts";
import { type RotaryWindow, rotary } from "./rotary.ts";

interface Params {
  readonly lead: readonly number[];
  readonly N: number;
  readonly H: number;
  readonly window?: RotaryWindow;
}

const all: readonly Params[] = [
  { lead: [1], N: 1, H: 2 },
  { lead: [7], N: 3, H: 16 },
  { lead: [2, 5], N: 2, H: 48, window: { from: 32, size: 16 } },
  { lead: [127], N: 1, H: 129, window: { from: 1, size: 126 } },
  { lead: [3], N: 129, H: 7, window: { from: 0, size: 4 } },
  { lead: [4], N: 2, H: 6, window: { from: 6, size: 0 } },
];
const P = 11;

/** Positions in no order, and tables whose cos and sin are unrelated, so that no mistake cancels. */
function angles(rows: number, pairs: number) {
  const random = uniforms(pairs + 1);
  const table = (): Float64Array => Float64Array.from({ length: P * pairs }, () => Math.fround(random() - 0.5));
  return { cos: table(), sin: table(), positions: Int32Array.from({ length: rows }, (_, t) => (t * 5 + 3) % P) };
}

testOp("rotary", {
  cases: all.map((params) => ({
    label: `${params.lead} x ${params.N} x ${params.H}`,
    inputs: { x: { shape: [...params.lead, params.N, params.H] } },
    params,
  })),
  op: ({ x }, { N, H, window, lead }, gpu) => {
    const rows = x!.size / N / H;
    const { size } = window ?? { size: H };
    const { cos, sin, positions } = angles(rows, size / 2);
    const tables = { cos: gpu.tensor(cos, [P, size / 2]), sin: gpu.tensor(sin, [P, size / 2]) };
    return rotary(x!, { ...tables, positions: gpu.tensor(positions, lead, "i32") }, window);
  },
  reference: ({ x }, { N, H, window }) => {
    const shape = { N, H, ...(window ?? { from: 0, size: H }) };
    const table = angles(x!.length / N / H, shape.size / 2);
    return {
      outputs: [rotaryRef(x!, table, shape)],
      backward: ([dy]) => ({ x: rotaryRef(dy!, table, shape, -1) }),
    };
  },
});

testOp("rotary of a view, used twice", {
  cases: [{ label: "[5, 1, 6]", inputs: { x: { shape: [5, 1, 6] } }, params: undefined }],
  op: ({ x }, _, gpu) => {
    const { cos, sin, positions } = angles(3, 2);
    const tables = {
      cos: gpu.tensor(cos, [P, 2]),
      sin: gpu.tensor(sin, [P, 2]),
      positions: gpu.tensor(positions, [3], "i32"),
    };
    const rows = x!.slice(1, 4);
    return add(rotary(rows, tables, { from: 2, size: 4 }), rotary(rows, tables, { from: 0, size: 4 }));
  },
  reference: ({ x }) => {
    const table = angles(3, 2);
    const turn = (values: Float64Array, direction: 1 | -1): Float64Array => {
      const [a, b] = [2, 0].map((from) => rotaryRef(values, table, { N: 1, H: 6, from, size: 4 }, direction));
      return a!.map((v, i) => v + b![i]!);
    };
    return {
      outputs: [turn(x!.subarray(6, 24), 1)],
      backward: ([dy]) => {
        const grad = new Float64Array(30);
        grad.set(turn(dy!, -1), 6);
        return { x: grad };
      },
    };
  },
});

const device = useTestGpu();

test("operands and windows are checked", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const table = gpu.zeros([4, 2]);
  const angles = { cos: table, sin: table, positions: gpu.zeros([3], "i32") };
  const x = gpu.zeros([3, 2, 4]);
  expect(() => rotary(gpu.zeros([2, 2, 4]), angles)).toThrow(
    "rotary: x: expected [..., N, H] with 3 rows, one for each position, got [2, 2, 4].",
  );
  expect(() => rotary(x, angles, { from: 1, size: 4 })).toThrow(
    "rotary: window: expected from >= 0, an even size, from + size <= H=4, got from 1, size 4.",
  );
  expect(() => rotary(x, angles, { from: 0, size: 3 })).toThrow("rotary: window");
  expect(() => rotary(x, { ...angles, sin: gpu.zeros([4, 3]) })).toThrow(
    "rotary: sin: expected [4, 2], half the window of 4 columns, got [4, 3].",
  );
  expect(() => rotary(x, { ...angles, positions: gpu.zeros([3]) })).toThrow("rotary: positions: expected i32");
});
