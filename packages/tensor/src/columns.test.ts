import { testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { concatColumnsRef, splitColumnsRef } from "./columns.ref.ts";
import { concatColumns, splitColumns } from "./columns.ts";

const cases = [
  { rows: 1, sizes: [1] },
  { rows: 7, sizes: [1, 0, 5] },
  { rows: 127, sizes: [129, 64, 7] },
  { rows: 5, sizes: [3, 1, 4, 1, 5, 9, 2, 6, 40] },
];
const columns = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);

testOp("splitColumns", {
  cases: cases.map(({ rows, sizes }) => ({
    label: `${rows} rows into ${sizes}`,
    inputs: { x: { shape: [rows, columns(sizes)] } },
    params: sizes,
  })),
  op: ({ x }, sizes) => splitColumns(x!, sizes),
  reference: ({ x }, sizes) => ({
    outputs: splitColumnsRef(x!, sizes),
    backward: (gradients) => ({ x: concatColumnsRef(gradients, sizes) }),
  }),
});

testOp("concatColumns", {
  cases: cases.map(({ rows, sizes }) => ({
    label: `${sizes} of ${rows} rows`,
    inputs: Object.fromEntries(sizes.map((size, p) => [`part${p}`, { shape: [rows, size] }])),
    params: sizes,
  })),
  op: (parts) => concatColumns(Object.values(parts)),
  reference: (parts, sizes) => ({
    outputs: [concatColumnsRef(Object.values(parts), sizes)],
    backward: ([dy]) => Object.fromEntries(splitColumnsRef(dy!, sizes).map((part, p) => [`part${p}`, part])),
  }),
});

testOp("a view that is split twice, parts joined twice and parts dropped", {
  cases: [{ label: "[3, 2, 9]", inputs: { x: { shape: [3, 2, 9] } }, params: undefined }],
  op: ({ x }) => {
    const [a, , c] = splitColumns(x!.slice(1, 3), [2, 3, 4]);
    const [d] = splitColumns(x!.slice(1, 3), [4, 5]);
    return concatColumns([c!, a!, d!, a!]);
  },
  reference: ({ x }) => {
    const pick = [5, 6, 7, 8, 0, 1, 0, 1, 2, 3, 0, 1];
    const source = (i: number): number => 18 + Math.floor(i / 12) * 9 + pick[i % 12]!;
    return {
      outputs: [Float64Array.from({ length: 48 }, (_, i) => x![source(i)]!)],
      backward: ([dy]) => {
        const grad = new Float64Array(x!.length);
        for (const [i, d] of dy!.entries()) grad[source(i)]! += d;
        return { x: grad };
      },
    };
  },
});

const device = useTestGpu();

test("7 parts take one dispatch, 9 take two", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const count = (parts: number): number => {
    const before = gpu.stats.dispatches;
    concatColumns(splitColumns(gpu.zeros([4, parts]), Array<number>(parts).fill(1)));
    return gpu.stats.dispatches - before;
  };
  expect([count(7), count(9)]).toEqual([2, 4]);
});

test("sizes and leading axes are checked", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const x = gpu.zeros([2, 3, 8]);
  expect(() => splitColumns(x, [4, 3])).toThrow(
    "splitColumns: sizes: expected integers >= 0 that add up to the last axis of x [2, 3, 8], got [4, 3].",
  );
  expect(() => splitColumns(x, [9, -1])).toThrow("splitColumns: sizes");
  expect(() => concatColumns([x, gpu.zeros([2, 4, 8])])).toThrow(
    "concatColumns: tensors[1]: expected [2, 3, *], the leading axes of tensors[0], got [2, 4, 8].",
  );
  expect(() => concatColumns([])).toThrow("concatColumns: tensors: expected at least one tensor, got none.");
  expect(() => concatColumns([gpu.zeros([2], "u32")])).toThrow("concatColumns: tensors[0]: expected f32");
});
