import { ShapeError } from "@ds3/errors";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { Arena } from "./arena.ts";
import { packTensors } from "./pack-tensors.ts";

const device = useTestGpu();

test("names parameters of an arena by the vectors of four that they begin at", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const specs = Object.entries({ a: [3, 4], b: [8], c: [2, 2, 4] });
  const arena = new Arena(
    gpu,
    specs.map(([name, shape]) => ({ name, shape, decay: true })),
  );
  for (const [i, [name]] of specs.entries())
    gpu.write(arena.get(name), new Float32Array(arena.get(name).size).fill(i + 1));
  const packed = packTensors({ a: arena.get("a"), b: arena.get("b"), c: arena.get("c") })!;
  const values = await packed.tensor.data();
  for (const [i, name] of (["a", "b", "c"] as const).entries()) {
    const from = 4 * packed.offsets[name]!;
    const own = values.subarray(from, from + arena.get(name).size);
    expect(own).toEqual(new Float32Array(arena.get(name).size).fill(i + 1));
  }
});

test("offsets count from the buffer's start, in vectors", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const rows = gpu.zeros([6, 4]);
  const packed = packTensors({ late: rows.slice(4, 6), early: rows.slice(1, 2) })!;
  expect(packed.offsets).toEqual({ late: 4, early: 1 });
  expect(packed.tensor.shape).toEqual([24]);
});

test("is undefined for what one operand of vectors cannot name", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [rows, pairs] = [gpu.zeros([6, 4]), gpu.zeros([6, 2])];
  expect(packTensors({ rows, pairs })).toBeUndefined(); // two buffers
  expect(packTensors({ second: pairs.slice(1, 3) })).toBeUndefined(); // starts inside a vector
  expect(packTensors({ first: pairs.slice(0, 3) })).toBeUndefined(); // ends inside a vector
  expect(packTensors({ third: pairs.slice(2, 4) })?.offsets).toEqual({ third: 1 });
  expect(packTensors({ ids: gpu.zeros([4], "u32") })).toBeUndefined();
});

test("refuses an empty object by name", () => {
  expect(() => packTensors({})).toThrow(ShapeError);
  expect(() => packTensors({})).toThrow(/packTensors: tensors: expected at least one tensor, got none/);
});
