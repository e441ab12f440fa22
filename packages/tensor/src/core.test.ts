import { useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { checkpoint } from "./checkpoint.ts";
import { UseAfterFreeError } from "./errors.ts";
import type { Gpu } from "./gpu.ts";
import { matmul } from "./matmul.ts";
import { openGpu } from "./open-gpu.ts";
import type { Tensor } from "./tensor.ts";

const device = useTestGpu();
const identity = [1, 0, 0, 1];

describe("scopes", () => {
  test("free at the end, keep moves one level up", async () => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    {
      using _outer = gpu.scope("outer");
      let kept: Tensor;
      {
        using inner = gpu.scope("inner");
        gpu.zeros([4]);
        kept = inner.keep(gpu.tensor([5], [1]));
      }
      expect(gpu.stats.liveBuffers).toBe(before + 1);
      expect(await kept.item()).toBe(5);
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("a scope inside a layer does not free what backward needs", async () => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    {
      using _step = gpu.scope("step");
      using tape = gpu.tape();
      const x = tape.watch(gpu.tensor([1, 2, 3, 4], [2, 2]));
      const layer = (input: Tensor): Tensor => {
        using inside = gpu.scope("layer");
        const hidden = matmul(input, gpu.tensor([2, 0, 0, 2], [2, 2]));
        return inside.keep(matmul(hidden, hidden));
      };
      const y = layer(x);
      // What the layer freed would be handed out again here and overwritten.
      for (let i = 0; i < 8; i++) gpu.full([2, 2], 99);
      tape.backward(y);
      // y = 4 x x, so the gradient is 4 (column sums of x at i + row sums at j)
      expect([...(await tape.gradient(x)!.data())]).toEqual([28, 44, 36, 52]);
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("a throw in mid-forward frees everything, tape included", () => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    const step = (): void => {
      using _step = gpu.scope("step");
      using tape = gpu.tape();
      const x = tape.watch(gpu.tensor(identity, [2, 2]));
      matmul(matmul(x, x), x);
      throw new Error("stop here");
    };
    expect(step).toThrow("stop here");
    expect(gpu.stats.liveBuffers).toBe(before);
    expect(gpu.activeTape).toBeUndefined();
  });

  test("two async tasks on one handle are told to fork; on forks both run", async () => {
    const { gpu } = device;
    const first = gpu.scope("a");
    const second = gpu.scope("b");
    expect(() => first.close()).toThrow(/"a" closed while "b" is still open.*fork/s);
    second.close();
    first.close();
    const task = async (fork: Gpu, value: number): Promise<number> => {
      using _scope = fork.scope("task");
      const x = fork.full([1, 1], value);
      await Promise.resolve();
      const y = matmul(x, x);
      await fork.idle();
      return y.item();
    };
    const before = gpu.stats.liveBuffers;
    expect(await Promise.all([task(gpu.fork(), 3), task(gpu.fork(), 4)])).toEqual([9, 16]);
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("a freed tensor says so", () => {
    const { gpu } = device;
    const scope = gpu.scope("short");
    const x = gpu.zeros([2, 2]);
    scope.close();
    expect(() => matmul(x, x)).toThrow(UseAfterFreeError);
    expect(() => matmul(x, x)).toThrow(/scope.keep/);
  });
});

describe("command stream", () => {
  test("an upload to a recycled buffer in mid-step does not overtake encoded commands", async () => {
    const { gpu } = device;
    using _step = gpu.scope("step");
    let product: Tensor;
    {
      using inner = gpu.scope("inner");
      const x = gpu.tensor([1, 2, 3, 4], [2, 2]);
      product = inner.keep(matmul(x, gpu.tensor(identity, [2, 2])));
    }
    // These take over x's and the identity's buffers while the product is still only encoded.
    gpu.full([2, 2], 100);
    gpu.full([2, 2], 100);
    expect([...(await product.data())]).toEqual([1, 2, 3, 4]);
  });

  test("a steady step allocates nothing", async () => {
    const { gpu } = device;
    const step = async (): Promise<void> => {
      using _scope = gpu.scope("step");
      using tape = gpu.tape();
      const x = tape.watch(gpu.full([33, 33], 0.1));
      let y = x;
      for (let i = 0; i < 5; i++) y = matmul(y, x);
      tape.backward(y);
      await tape.gradient(x)!.data();
    };
    for (let i = 0; i < 3; i++) await step();
    const { allocations, peakBytes } = gpu.stats;
    for (let i = 0; i < 5; i++) await step();
    expect(gpu.stats.allocations).toBe(allocations);
    expect(gpu.stats.peakBytes).toBe(peakBytes);
  });

  test("more dispatches than one submit holds stay in order", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const double = gpu.tensor([2], [1, 1]);
    let x = gpu.tensor([1e-30], [1, 1]);
    for (let i = 0; i < 200; i++) x = matmul(x, double);
    expect(await x.item()).toBe(Math.fround(1e-30) * 2 ** 200);
  });
});

describe("views", () => {
  test("slices off the binding alignment are read and differentiated like any tensor", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor([1, 2, 3, 4, 5, 6], [3, 2]));
    const y = matmul(x.slice(1, 3), gpu.tensor([1, 1, 0, 1], [2, 2]));
    expect([...(await y.data())]).toEqual([3, 7, 5, 11]);
    tape.backward(y);
    expect([...(await tape.gradient(x)!.data())]).toEqual([0, 0, 2, 1, 2, 1]);
  });

  test("reshape infers one axis and refuses other sizes", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const x = gpu.zeros([4, 6]);
    expect(x.reshape([-1, 3]).shape).toEqual([8, 3]);
    expect(() => x.reshape([5, -1])).toThrow(/a shape of 24 elements/);
    expect(() => x.slice(2, 5)).toThrow(/0 <= from <= to <= 4/);
  });
});

test("checkpoint gives the same gradients with less memory, and tells the second run", async () => {
  const { gpu } = device;
  const runs: boolean[] = [];
  const deep = (input: Tensor): Tensor => {
    runs.push(gpu.isRecomputing);
    let y = input;
    for (let i = 0; i < 6; i++) y = matmul(y, input);
    return y;
  };
  const gradientOf = async (f: (x: Tensor) => Tensor): Promise<{ gradient: number[]; held: number }> => {
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor([0.5, 0.1, 0.2, 0.4], [2, 2]));
    const y = f(x);
    const held = gpu.stats.liveBuffers;
    tape.backward(y);
    return { gradient: [...(await tape.gradient(x)!.data())], held };
  };
  const stored = await gradientOf(deep);
  const recomputed = await gradientOf((x) => checkpoint(gpu, [x], deep));
  expect(recomputed.gradient).toEqual(stored.gradient);
  expect(recomputed.held).toBeLessThan(stored.held);
  expect(runs).toEqual([false, false, true]);
});

test("profile names the kernels", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const x = gpu.full([64, 64], 1);
  const profile = await gpu.profile(() => void matmul(x, x));
  expect(profile.rows).toHaveLength(1);
  expect(profile.rows[0]).toMatchObject({ calls: 1 });
  expect(profile.toString()).toContain(profile.rows[0]!.label);
});

test("a closed device refuses work by name", async () => {
  const gpu = await openGpu();
  await gpu.close();
  expect(() => gpu.zeros([1])).toThrow(/expected an open device/);
  await gpu.close();
});

test("a lost device rejects what waits for it and everything after", async () => {
  const gpu = await openGpu();
  const x = gpu.full([2, 2], 1);
  const pending = matmul(x, x);
  gpu.device.destroy();
  await expect(pending.data()).rejects.toThrow(/lost|destroyed/i);
  expect(() => matmul(x, x)).toThrow(/checkpoint/);
});
