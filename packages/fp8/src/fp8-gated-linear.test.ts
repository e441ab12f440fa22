import { normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { fp8Linears } from "./fp8-linears.ts";

const device = useTestGpu();

test("backward holds z, and the gradients of z and of swiglu(z) at most: 5 I floats a token", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [T, I, O] = [256, 256, 128];
  const weight = gpu.tensor(normals(O * I, 1), [O, I]);
  weight.grad = gpu.zeros([O, I]);
  using tape = gpu.tape();
  const z = tape.watch(gpu.tensor(normals(T * 2 * I, 2), [T, 2 * I]));
  const y = fp8Linears().gatedLinear(z, weight);
  const dy = gpu.tensor(normals(T * O, 3), [T, O]);
  const before = gpu.stats.liveBytes;
  gpu.resetPeak();
  tape.backward(y, dy);
  const floats = (gpu.stats.peakBytes - before) / 4 / (T * I);
  // Buffers of these sizes are not rounded up; scales and uniforms are the rest.
  expect(floats).toBeGreaterThanOrEqual(5);
  expect(floats).toBeLessThan(5.25);
});
