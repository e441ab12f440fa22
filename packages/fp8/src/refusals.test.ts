/** What the ops that quantise and decode refuse: a named error that says op, operand, expected, actual and what to do. */
import { ConfigError, type Ds3Error, DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import type { CodeFormat, OverflowPolicy, Tiling } from "@ds3/fp8-codec";
import { createRowGroups, type Gpu, type Tensor } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { decodeTensor, encodeTensor } from "./encode-tensor.ts";
import { LEAST_FLOOR } from "./index.ts";
import { packedWords, packTiles, unpackTiles } from "./pack-tiles.ts";
import { type QuantizeOptions, quantize } from "./quantize.ts";
import { type RequantizeOptions, requantize } from "./requantize.ts";
import { roundToBf16 } from "./round-to-bf16.ts";
import { decodeUe8m0, encodeUe8m0 } from "./ue8m0.ts";

const holder = useTestGpu();

/** Expects an error of a class with this message, of which all before the hint is `message`. */
function expectRefusal(run: () => unknown, type: typeof Ds3Error, message: string, hint: string): void {
  expect(run).toThrow(expect.objectContaining({ name: type.name, message: `${message}. ${hint}`, hint }));
}

describe("names", () => {
  const tilings = "row, column, block";
  const formats = "e4m3fn, e5m2, e5m6";
  const scaleKinds = "f32, powerOfTwo";
  const policies = "saturate, nonsaturating, torch";
  const cases: readonly (readonly [string, (x: Tensor, gpu: Gpu) => unknown, string, string])[] = [
    ["rows", (x) => quantize(x, { tiling: "rows" as Tiling }), "quantize: tiling", tilings],
    ["[object Object]", (x) => quantize(x, { tiling: {} as Tiling }), "quantize: tiling", tilings],
    ["undefined", (x) => quantize(x, {} as QuantizeOptions), "quantize: tiling", tilings],
    ["undefined", (x) => quantize(x, undefined as unknown as QuantizeOptions), "quantize: tiling", tilings],
    ["constructor", (x) => quantize(x, { tiling: "constructor" as Tiling }), "quantize: tiling", tilings],
    ["pow2", (x) => quantize(x, { tiling: "row", scales: "pow2" as "f32" }), "quantize: scales", scaleKinds],
    ["e4m3", (x) => quantize(x, { tiling: "row", format: "e4m3" as CodeFormat }), "quantize: format", formats],
    ["columns", (x) => again(x, { tiling: "columns" as "column" }), "requantize: tiling", tilings],
    ["undefined", (x) => again(x, undefined as unknown as RequantizeOptions), "requantize: tiling", tilings],
    ["ue8m0", (x) => again(x, { tiling: "column", scales: "ue8m0" as "f32" }), "requantize: scales", scaleKinds],
    ["e5m3", (x) => again(x, { tiling: "column", format: "e5m3" as CodeFormat }), "requantize: format", formats],
    [
      "clip",
      (x) => encodeTensor(x, "e5m2", { overflow: "clip" as OverflowPolicy }),
      "encodeTensor: overflow",
      policies,
    ],
    ["e4m3", (x) => encodeTensor(x, "e4m3" as CodeFormat), "encodeTensor: format", formats],
    ["fp8", (_, gpu) => decodeTensor(gpu.zeros([1], "u32"), 4, "fp8" as CodeFormat), "decodeTensor: format", formats],
    ["ue8m0", (x) => packTiles(x, { scales: "ue8m0" as "f32" }), "packTiles: scales", scaleKinds],
    ["e4m3", (x) => packTiles(x, { format: "e4m3" as CodeFormat }), "packTiles: format", formats],
    ["e4m3", (x) => unpackTiles(x, 4, { format: "e4m3" as CodeFormat }), "unpackTiles: format", formats],
    ["ue8m0", (x) => unpackTiles(x, 4, { scales: "ue8m0" as "f32" }), "unpackTiles: scales", scaleKinds],
    ["e4m3", () => packedWords(4, { format: "e4m3" as CodeFormat }), "packedWords: format", formats],
  ];
  const nearest = new Map(Object.entries({ rows: "row", columns: "column", e4m3: "e4m3fn", e5m3: "e5m2" }));

  test.each(cases)("%s, in case %$", (name, run, where, known) => {
    const { gpu } = holder;
    using _scope = gpu.scope("names");
    const hint = nearest.has(name) ? `Did you mean "${nearest.get(name)}"?` : `Known: ${known}.`;
    const before = gpu.stats.liveBuffers;
    expectRefusal(() => run(gpu.zeros([4, 4]), gpu), ConfigError, `${where}: expected ${known}, got ${name}`, hint);
    expect(gpu.stats.liveBuffers - before, "buffers made before the refusal").toBeLessThanOrEqual(3);
  });

  function again(x: Tensor, options: RequantizeOptions): unknown {
    return requantize(quantize(x, { tiling: "row" }), options);
  }
});

test("other tilings than from rows to columns", () => {
  const { gpu } = holder;
  using _scope = gpu.scope("tilings");
  const matrix = quantize(gpu.zeros([4, 4]), { tiling: "block" });
  expectRefusal(
    () => requantize(matrix, { tiling: "column" }),
    ConfigError,
    "requantize: tiling: expected row tiles, and column tiles asked for, got block tiles, and column tiles asked for",
    "Use quantize(dequantize(matrix), options) for other tilings.",
  );
});

test("integers and scalars", () => {
  const { gpu } = holder;
  using _scope = gpu.scope("sources");
  const [words, scalar] = [gpu.zeros([4], "i32"), gpu.zeros([])];
  const cast = 'Halves become f32 by cast(x, "f32").';
  const reshape = "Tiles lie along the last axis: reshape a scalar to [1].";
  const row = { tiling: "row" } as const;
  expectRefusal(() => quantize(words, row), DtypeError, "quantize: x: expected f32, got [4] i32", cast);
  expectRefusal(() => encodeTensor(words, "e5m2"), DtypeError, "encodeTensor: x: expected f32, got [4] i32", cast);
  expectRefusal(() => roundToBf16(words), DtypeError, "roundToBf16: x: expected f32, got [4] i32", cast);
  expectRefusal(() => encodeUe8m0(words), DtypeError, "encodeUe8m0: scales: expected f32, got [4] i32", cast);
  expectRefusal(
    () => quantize(scalar, row),
    ShapeError,
    "quantize: x: expected at least one axis, got [] f32",
    reshape,
  );
  const message = "encodeTensor: x: expected at least one axis, got [] f32";
  expectRefusal(() => encodeTensor(scalar, "e5m2"), ShapeError, message, reshape);
});

test("rows of other words", () => {
  const { gpu } = holder;
  using _scope = gpu.scope("words");
  const [floats, words] = [gpu.zeros([2, 2]), gpu.zeros([2, 2], "u32")];
  const bits = "Codes are words of bits; f32 values need no decoding.";
  const columns = "Give the columns and the format that it was made with.";
  const dtype = "codes: expected u32, got [2, 2] f32";
  expectRefusal(() => decodeTensor(floats, 8, "e5m2"), DtypeError, `decodeTensor: ${dtype}`, bits);
  const codes = "decodeTensor: codes: expected [..., 6], the words of 9 e5m6 codes, got [2, 2] u32";
  expectRefusal(() => decodeTensor(words, 9, "e5m6"), ShapeError, codes, columns);
  const packed = "[..., 34], the words of 132 e4m3fn codes and their UE8M0 scales, got [2, 2] u32";
  expectRefusal(() => unpackTiles(words, 132), ShapeError, `unpackTiles: buffer: expected ${packed}`, columns);
  const bytes = "decodeUe8m0: bytes: expected [..., 3], the words of 9 UE8M0 bytes, got [2, 2] u32";
  expectRefusal(() => decodeUe8m0(words, 9), ShapeError, bytes, columns);
});

test("groups of other rows, and of tiles that need none", () => {
  const { gpu } = holder;
  using _scope = gpu.scope("groups");
  const x = gpu.zeros([4, 4]);
  const groups = createRowGroups(gpu.tensor([0, 3], [2], "u32"), 3);
  expectRefusal(
    () => quantize(x, { tiling: "column", groups }),
    ShapeError,
    "quantize: groups: expected groups of 4 rows, got 3 rows",
    "Make them by createRowGroups(offsets, rows) with the rows of this matrix.",
  );
  expectRefusal(
    () => quantize(x, { tiling: "row", groups }),
    ConfigError,
    "quantize: groups: expected column tiles: tiles of rows and blocks reach into no other group, got row tiles",
    "Leave groups out: they change nothing here.",
  );
});

test.each(["e4m3fn", "e5m2", "e5m6"] as const)("%s: floors below the codec's, and what is no number", (format) => {
  const { gpu } = holder;
  using _scope = gpu.scope("floors");
  const x = gpu.zeros([1, 1]);
  expect(() => quantize(x, { tiling: "row", format, floor: LEAST_FLOOR })).not.toThrow();
  for (const floor of [LEAST_FLOOR / 2, 0, -1, Number.NaN, 1e39]) {
    const message = `floor: expected a number of at least 2^-110 that f32 holds, got ${floor}`;
    const hint = "Leave it out for 1e-4, or take LEAST_FLOOR.";
    const matrix = quantize(x, { tiling: "row" });
    expectRefusal(() => quantize(x, { tiling: "row", format, floor }), OutOfRangeError, `quantize: ${message}`, hint);
    const refused = `requantize: ${message}`;
    expectRefusal(() => requantize(matrix, { tiling: "column", format, floor }), OutOfRangeError, refused, hint);
  }
});
