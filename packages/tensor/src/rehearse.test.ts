import { StateError } from "@ds3/errors";
import { testGpuOptions, useTestGpu } from "@ds3/testing";
import { describe, expect, test, vi } from "vitest";
import { adamwStep, createMoments } from "./adamw.ts";
import { Arena } from "./arena.ts";
import { add, mul, scale } from "./arithmetic.ts";
import { crossEntropy } from "./cross-entropy.ts";
import type { Gpu } from "./gpu.ts";
import { gradientNorm } from "./gradient-norm.ts";
import { defineKernel } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import { openGpu } from "./open-gpu.ts";
import { fillNormal } from "./philox.ts";
import { rehearseBeside, type SecondStage, shareOut } from "./rehearse.ts";
import type { Tensor } from "./tensor.ts";

const device = useTestGpu();

const count = defineKernel({
  label: "count up",
  uniforms: { step: "u32" },
  reads: { start: "u32" },
  writes: { total: "u32" },
  body: "@compute @workgroup_size(1) fn main() { total[0] = start[0] + total[0] + max(u.step, 1u); }",
});

/** A model in small, with everything that a training step changes. */
function createStep(gpu: Gpu) {
  const arena = new Arena(gpu, [{ name: "w", shape: [40, 8], decay: true }]);
  fillNormal(arena.get("w"), 1, { seed: 1 });
  const moments = createMoments(arena.segments[0]!, "f32");
  const [loads, given] = [gpu.tensor([7, 8], [2], "u32"), gpu.full([8, 8], 0.5)];
  const run = (): void => {
    using _step = gpu.scope("step");
    arena.zeroGradients();
    using tape = gpu.tape();
    const targets = Int32Array.from({ length: 8 }, (_, i) => i);
    const loss = crossEntropy(matmul(given, arena.get("w"), { layout: "nt" }), targets);
    tape.backward(loss);
    const stats = gradientNorm(arena.segments, loss, 1);
    const options = { learningRate: 0.1, step: 1, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1 } as const;
    adamwStep(arena.segments[0]!, moments, stats, options);
    gpu.write(given, new Float32Array(64).fill(9));
    gpu.dispatch(count, { start: loads.slice(0, 0), total: gpu.empty([1], "u32") }, { step: 1 }, [1]);
    gpu.copy(gpu.tensor([1, 1], [2], "u32"), loads, 0);
  };
  const segment = arena.segments[0]!;
  const held = [segment.values, segment.gradients, moments.first, moments.second, loads, given];
  return { run, read: () => Promise.all(held.map((tensor) => tensor.data())) };
}

describe("gpu.rehearse", () => {
  test("changes no tensor, dispatches each new kernel once, and leaves the memory of the real run", async () => {
    const gpu = await openGpu(testGpuOptions());
    const { run, read } = createStep(gpu);
    const before = await read();
    const [stats, live] = [gpu.stats, gpu.stats.liveBuffers];
    gpu.rehearse(run);
    await gpu.rehearsed();
    expect(await read()).toEqual(before);
    const rehearsed = gpu.stats;
    expect(rehearsed.dispatches - stats.dispatches).toBe(rehearsed.pipelines - stats.pipelines);
    expect(rehearsed.pipelines - stats.pipelines).toBeGreaterThan(5);
    expect(rehearsed.liveBuffers).toBe(live);
    run();
    // Nothing was left to compile or to allocate.
    expect(gpu.stats.pipelines).toBe(rehearsed.pipelines);
    expect(gpu.stats.allocations).toBe(rehearsed.allocations);
    const changed = await read();
    expect(changed).not.toEqual(before);
    const again = await openGpu(testGpuOptions());
    const plain = createStep(again);
    plain.run();
    expect(await plain.read()).toEqual(changed);
    // A second rehearsal has nothing to do.
    const { dispatches, submits } = gpu.stats;
    gpu.rehearse(run);
    expect(gpu.stats).toMatchObject({ dispatches, submits });
    await Promise.all([gpu.close(), again.close()]);
  });

  test("leaves what was encoded before it in order", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const x = gpu.tensor([1, 2]);
    const doubled = scale(x, 2);
    gpu.rehearse(() => void mul(add(x, doubled), gpu.full([2], 3)));
    expect([...(await add(doubled, x).data())]).toEqual([3, 6]);
  });

  test("makes for real what a scope owns beyond it", async () => {
    const { gpu } = device;
    using scope = gpu.scope();
    let table: Tensor | undefined;
    gpu.rehearse(() => {
      using _inside = gpu.scope("inside");
      table = scope.own(() => scale(gpu.tensor([1, 2, 3]), 2));
      expect(gpu.isRehearsing).toBe(true);
    });
    expect(gpu.isRehearsing).toBe(false);
    expect([...(await table!.data())]).toEqual([2, 4, 6]);
  });

  test("tensors of another handle belong to the rehearsal", async () => {
    const { gpu } = device;
    const x = gpu.full([4], 1);
    const fork = gpu.fork();
    const { liveBuffers } = gpu.stats;
    fork.rehearse(() => void scale(x, 2));
    expect(gpu.stats.liveBuffers).toBe(liveBuffers);
    gpu.free(x);
  });

  test("refuses reads, promises and an open tape by name, and ends on a throw", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const x = gpu.full([2], 1);
    let reading: Promise<unknown> | undefined;
    gpu.rehearse(() => {
      reading = scale(x, 2).data();
      reading.catch(() => {});
    });
    await expect(reading).rejects.toThrow(StateError);
    await expect(reading).rejects.toThrow(/read: \[2\] f32: expected a tensor that is computed/);
    expect(() => gpu.rehearse(async () => {})).toThrow(/rehearse: fn: expected a synchronous function/);
    {
      using _tape = gpu.tape();
      expect(() => gpu.rehearse(() => {})).toThrow(/expected no open tape/);
    }
    expect(() =>
      gpu.rehearse(() => {
        throw new Error("stop here");
      }),
    ).toThrow("stop here");
    expect(gpu.isRehearsing).toBe(false);
    expect(() => gpu.rehearse(() => gpu.dispatch(count, { start: x, total: x }, { step: 1 }, [1]))).toThrow(StateError);
    // One inside another is one.
    gpu.rehearse(() => gpu.rehearse(() => void scale(x, 3)));
    expect([...(await x.data())]).toEqual([1, 1]);
  });
});

describe("the second device", () => {
  const kernels = [count, { ...count, label: "count further" }];

  test("takes every other kernel by length", () => {
    const of = (length: number) => ({ ...count, label: `${length}`, wgsl: "x".repeat(length) });
    const { first, second } = shareOut([3, 1, 5, 2, 4].map(of));
    expect(first.map(({ label }) => label)).toEqual(["5", "3", "1"]);
    expect(second.map(({ label }) => label)).toEqual(["4", "2"]);
  });

  test("makes all pipelines before it submits, and is closed", async () => {
    const gpu = await openGpu(testGpuOptions());
    const made: string[] = [];
    const closed = vi.fn(async () => {});
    const stream = {
      prepare: ({ label }: { label: string }) => made.push(label),
      dispatch: ({ label }: { label: string }) => made.push(`run ${label}`),
      ...{ clear: () => {}, flush: () => made.push("submit") },
    };
    const pool = { acquire: (bytes: number) => ({ id: 0, bytes, epoch: 0 }), release: () => {} };
    const stage = { stream, pool, close: closed } as unknown as SecondStage;
    await rehearseBeside(
      async () => stage,
      kernels,
      () => false,
    );
    const [first, last] = [count.label, "count further"];
    expect(made.slice(0, 2)).toEqual([first, last]);
    expect(made.slice(-3)).toEqual([`run ${first}`, `run ${last}`, "submit"]);
    expect(closed).toHaveBeenCalledOnce();
    made.length = 0;
    await rehearseBeside(
      async () => stage,
      kernels,
      () => true,
    );
    expect(made).toEqual([]);
    expect(closed).toHaveBeenCalledTimes(2);
    await gpu.close();
  });

  test("that cannot be had is no failure", async () => {
    await rehearseBeside(
      () => Promise.reject(new Error("too many devices")),
      kernels,
      () => false,
    );
  });

  test("is gone before close returns, whenever that is called", async () => {
    const gpu = await openGpu(testGpuOptions());
    const x = gpu.full([4], 1);
    gpu.rehearse(() => void add(scale(x, 2), mul(x, x)));
    await gpu.close();
    expect(() => gpu.rehearse(() => {})).toThrow(/expected an open device/);
  });
});
