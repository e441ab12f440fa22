import type { Gpu, Tensor } from "@ds3/tensor";
import { describe, expect, test } from "vitest";
import { expectNear } from "./expect-near.ts";
import { useTestGpu } from "./open-test-gpu.ts";
import { normals } from "./seeded.ts";

/** One input of an op case. */
export interface TestInput {
  readonly shape: readonly number[];
  /** Default: seeded normal values, rounded to f32 so that GPU and reference start equal. */
  readonly values?: ArrayLike<number>;
  readonly dtype?: "f32" | "i32" | "u32";
  /** False for inputs without a gradient (ids, masks). Default: true for f32. */
  readonly grad?: boolean;
}

/** What an f64 reference gives: outputs, and gradients of inputs by name for given gradients of outputs. */
export interface ReferenceResult {
  readonly outputs: readonly Float64Array[];
  readonly backward?: (gradients: readonly Float64Array[]) => Readonly<Record<string, Float64Array>>;
}

/** An op under test: the GPU op, its reference, and the cases (shapes) to run. */
export interface OpSpec<P> {
  readonly cases: readonly {
    readonly label: string;
    readonly inputs: Readonly<Record<string, TestInput>>;
    readonly params: P;
  }[];
  readonly op: (inputs: Readonly<Record<string, Tensor>>, params: P, gpu: Gpu) => Tensor | readonly Tensor[];
  readonly reference: (inputs: Readonly<Record<string, Float64Array>>, params: P) => ReferenceResult;
  /** Largest allowed difference relative to the largest |expected| of the tensor. Default 2e-5: f32 sums of some hundred terms. */
  readonly tolerance?: number;
}

/** Step of central differences in f64: truncation h^2 and rounding 1e-16 / h are both near 1e-10. */
const FD_STEP = 1e-5;
const FD_TOLERANCE = 1e-6;
/** Elements of an input that finite differences visit; larger inputs are sampled evenly. */
const FD_SAMPLES = 24;

/**
 * Tests an op in two hops: finite differences prove the f64 reference's backward, then the GPU's forward and backward
 * are held against the reference. Every case also checks that no buffer leaks.
 */
export function testOp<P>(name: string, spec: OpSpec<P>): void {
  describe(name, () => {
    const device = useTestGpu();
    for (const testCase of spec.cases) {
      const inputs = Object.entries(testCase.inputs).map(([key, input], i) => ({
        key,
        input,
        values: valuesOf(input, i + 1),
      }));
      const values = Object.fromEntries(inputs.map(({ key, values }) => [key, values]));
      const hasGradient = spec.reference(values, testCase.params).backward !== undefined;
      const wanted = inputs.filter(({ input }) => hasGradient && (input.grad ?? (input.dtype ?? "f32") === "f32"));

      const keys = wanted.map(({ key }) => key);
      if (hasGradient) {
        test(`${testCase.label}: finite differences of the reference`, () => {
          checkReference(spec, testCase.params, values, keys);
        });
      }

      test(`${testCase.label}: GPU against the reference`, async () => {
        const { gpu } = device;
        const before = gpu.stats.liveBuffers;
        await compareWithGpu(gpu, spec, testCase.params, inputs, values, keys);
        expect(gpu.stats.liveBuffers, "live buffers after the case").toBe(before);
      });
    }
  });
}

function valuesOf(input: TestInput, seed: number): Float64Array {
  const size = input.shape.reduce((a, b) => a * b, 1);
  return Float64Array.from(input.values ?? normals(size, seed), (v) =>
    input.dtype && input.dtype !== "f32" ? v : Math.fround(v),
  );
}

/** Upstream gradients: seeded, not ones, so that a missing factor shows. */
function seedsFor(outputs: readonly Float64Array[]): Float64Array[] {
  return outputs.map((output, i) => normals(output.length, 1000 + i).map(Math.fround));
}

function checkReference<P>(
  spec: OpSpec<P>,
  params: P,
  values: Record<string, Float64Array>,
  keys: readonly string[],
): void {
  const { outputs, backward } = spec.reference(values, params);
  const seeds = seedsFor(outputs);
  const gradients = backward!(seeds);
  const objective = (): number =>
    spec
      .reference(values, params)
      .outputs.reduce((sum, out, i) => sum + out.reduce((s, v, j) => s + v * seeds[i]![j]!, 0), 0);
  for (const key of keys) {
    const gradient = gradients[key];
    expect(gradient, `reference gradient of ${key}`).toBeDefined();
    const scale = gradient!.reduce((max, g) => Math.max(max, Math.abs(g)), 1e-3);
    const stride = Math.max(1, Math.floor(gradient!.length / FD_SAMPLES));
    for (let i = 0; i < gradient!.length; i += stride) {
      const numeric = centralDifference(values[key]!, i, objective);
      const difference = Math.abs(numeric - gradient![i]!) / scale;
      expect(difference, `${key}[${i}]: finite difference ${numeric}, backward ${gradient![i]}`).toBeLessThan(
        FD_TOLERANCE,
      );
    }
  }
}

function centralDifference(array: Float64Array, i: number, objective: () => number): number {
  const original = array[i]!;
  array[i] = original + FD_STEP;
  const above = objective();
  array[i] = original - FD_STEP;
  const below = objective();
  array[i] = original;
  return (above - below) / (2 * FD_STEP);
}

async function compareWithGpu<P>(
  gpu: Gpu,
  spec: OpSpec<P>,
  params: P,
  inputs: readonly { key: string; input: TestInput; values: Float64Array }[],
  values: Record<string, Float64Array>,
  keys: readonly string[],
): Promise<void> {
  using _scope = gpu.scope("testOp");
  using tape = gpu.tape();
  const tensors = Object.fromEntries(
    inputs.map(({ key, input, values }) => [key, gpu.tensor(values, input.shape, input.dtype ?? "f32", key)]),
  );
  for (const key of keys) tape.watch(tensors[key]!);
  const result = spec.op(tensors, params, gpu);
  const got = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
  const expected = spec.reference(values, params);
  const tolerance = spec.tolerance ?? 2e-5;
  for (const [i, want] of expected.outputs.entries()) {
    expectNear(`output ${i}`, await got[i]!.data(), want, got[i]!.shape, tolerance);
  }
  if (!expected.backward) return;
  const seeds = seedsFor(expected.outputs);
  const gradients = expected.backward(seeds);
  tape.backwardFrom(expected.outputs.map((_, i) => [got[i]!, gpu.tensor(seeds[i]!, got[i]!.shape)] as const));
  for (const key of keys) {
    const gradient = tape.gradient(tensors[key]!);
    expect(gradient, `gradient of ${key}`).toBeDefined();
    expectNear(`gradient of ${key}`, await gradient!.data(), gradients[key]!, tensors[key]!.shape, tolerance);
  }
}
