import { normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { roundToBf16 } from "./round-to-bf16.ts";

const holder = useTestGpu();
const floatsOf = (bits: readonly number[]): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);

test("the nearest bf16, ties to even, on bits", async () => {
  const { gpu } = holder;
  const before = gpu.stats.liveBuffers;
  {
    using _scope = gpu.scope("round");
    const cases: readonly (readonly [number, number])[] = [
      [0x3f80_0000, 0x3f80_0000],
      [0x3f80_7fff, 0x3f80_0000],
      [0x3f80_8000, 0x3f80_0000], // a tie, to even
      [0x3f81_8000, 0x3f82_0000],
      [0x3f80_8001, 0x3f81_0000],
      [0x8000_0000, 0x8000_0000],
      [0x0000_8001, 0x0001_0000], // subnormal
      [0x7f7f_ffff, 0x7f80_0000], // beyond the largest bf16
      [0xff80_0000, 0xff80_0000],
      [0x7f80_0001, 0x7fc0_0000], // NaN, whose payload lies in the lower half
      [0xffff_ffff, 0xffff_0000],
    ];
    for (const some of [cases, cases.slice(0, 8)]) {
      const out = await roundToBf16(gpu.tensor(floatsOf(some.map(([bits]) => bits)), [some.length])).data();
      expect([...new Uint32Array(out.buffer)]).toEqual(some.map(([, want]) => want));
    }
    const x = Float32Array.from(normals(3 * 701, 1));
    const out = await roundToBf16(gpu.tensor(x, [3, 701])).data();
    for (const [i, v] of x.entries()) {
      const step = 2 ** (Math.floor(Math.log2(Math.abs(v))) - 7);
      expect(Math.abs(out[i]! - v)).toBeLessThanOrEqual(step / 2);
      expect(Number.isInteger(out[i]! / step)).toBe(true);
    }
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});
