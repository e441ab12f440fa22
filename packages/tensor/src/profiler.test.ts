import { StateError } from "@ds3/errors";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { mul } from "./arithmetic.ts";
import { matmul } from "./matmul.ts";
import { measurePeak } from "./measure-peak.ts";

const device = useTestGpu();

test("a profile counts calls, work and time per kernel, over more dispatches than one query set holds", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const x = gpu.full([32, 32], 1);
  const profile = await gpu.profile(async () => {
    matmul(x, x);
    await gpu.idle();
    for (let i = 0; i < 2100; i++) gpu.free(mul(x, x));
  });
  const [product, elementwise] = ["matmul", "mul"].map((name) =>
    profile.rows.find(({ label }) => label.startsWith(`${name} `)),
  );
  expect(product).toMatchObject({ calls: 1, flops: 2 * 32 ** 3, bytes: 3 * 4096 });
  expect(elementwise).toMatchObject({ calls: 2100, flops: 0, bytes: 2100 * 3 * 4096 });
  expect(profile.rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  expect(profile.milliseconds).toBeGreaterThan(0);
});

test("the table has rates per kernel beside the adapter's peak", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const before = gpu.stats.liveBuffers;
  const peak = await measurePeak(gpu);
  expect(gpu.stats.liveBuffers).toBe(before);
  expect(Math.min(peak.gigaflopsPerSecond, peak.gigabytesPerSecond)).toBeGreaterThan(0);
  const x = gpu.full([64, 64], 1);
  const table = (await gpu.profile(() => void matmul(x, x))).toString(peak).split("\n");
  expect(table[0]).toMatch(/kernel +calls +ms +share +GFLOP\/s +GB\/s/);
  expect(table[1]).toMatch(/matmul.* 1 +[\d.]+ +100\.0% +[\d.]+ +[\d.]+$/);
  const rates = [peak.gigaflopsPerSecond, peak.gigabytesPerSecond].map((rate) => rate.toFixed(2));
  expect(table.at(-1)!.split(/ +/)).toEqual(["peak", ...rates]);
});

test("a profile inside a profile is refused, and a throw inside ends it", async () => {
  const { gpu } = device;
  await expect(gpu.profile(() => gpu.profile(() => {}).then(() => {}))).rejects.toThrow(StateError);
  await expect(
    gpu.profile(() => {
      throw new Error("inside");
    }),
  ).rejects.toThrow("inside");
  expect((await gpu.profile(() => {})).rows).toEqual([]);
});
