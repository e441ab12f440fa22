import type { Gpu } from "@ds3/tensor";
import { normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { bitsOf, bitTensor } from "../test/bits.ts";
import { forkFor, RUNNABLE_TARGETS } from "../test/targets.ts";
import { packTiles } from "./pack-tiles.ts";
import { quantize } from "./quantize.ts";
import { decodeUe8m0, encodeUe8m0 } from "./ue8m0.ts";

const holder = useTestGpu();

/** The value of each byte, from its definition; 255 is NaN. */
const POWERS = Array.from({ length: 255 }, (_, byte) => 2 ** (byte - 127));

/** The byte of the least power of two that is at least x. */
function byteOf(x: number): number {
  if (!(x > 0)) return 255; // NaN, zero and negative numbers
  const byte = POWERS.findIndex((power) => power >= x);
  return byte < 0 ? 255 : byte;
}

describe.each(RUNNABLE_TARGETS)("kernels for %s", (_, targetOf) => {
  const open = (): Gpu => forkFor(holder.gpu, targetOf(holder.gpu));

  test("all 256 bytes decode to their powers of two, on bits", async () => {
    const gpu = open();
    using _scope = gpu.scope("decode");
    const bytes = new Uint32Array(Uint8Array.from({ length: 256 }, (_, byte) => byte).buffer);
    const got = bitsOf(await decodeUe8m0(gpu.tensor(bytes, [1, 64], "u32"), 256).data());
    expect([...got]).toEqual([...bitsOf(Float32Array.from(POWERS)), 0x7fc0_0000]);
    expect([got[0], got[1], got[254]]).toEqual([0x0040_0000, 0x0080_0000, 0x7f00_0000]);
    const again = await encodeUe8m0(decodeUe8m0(gpu.tensor(bytes, [1, 64], "u32"), 256)).data<"u32">();
    expect(again).toEqual(bytes);
  });

  test("every exponent and sign, at and around powers of two and in between, rounds up", async () => {
    const gpu = open();
    using _scope = gpu.scope("encode");
    // All upper halves of f32, each with the least and the largest lower half and with one bit set.
    const bits = Uint32Array.from({ length: 3 * 65_536 }, (_, i) => ((i % 65_536) << 16) | [0, 1, 0xffff][i >> 16]!);
    const words = await encodeUe8m0(bitTensor(gpu, bits, [3, 65_536])).data<"u32">();
    const got = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    const values = new Float32Array(bits.buffer);
    const wrong = [...bits.keys()].filter((i) => got[i] !== byteOf(values[i]!));
    expect(wrong.map((i) => [bits[i]!.toString(16), got[i]])).toEqual([]);
  });
});

test("rows are whole words of their own; leading axes, views and empty tensors", async () => {
  const { gpu } = holder;
  const before = gpu.stats.liveBuffers;
  {
    using _scope = gpu.scope("rows");
    const scales = Float32Array.from(normals(4 * 3 * 5, 2), Math.abs);
    const bytes = encodeUe8m0(gpu.tensor(scales, [4, 3, 5]).slice(1, 4));
    expect(bytes.shape).toEqual([3, 3, 2]);
    const want = new Uint8Array(9 * 8);
    for (const [i, scale] of scales.subarray(15).entries()) want[Math.floor(i / 5) * 8 + (i % 5)] = byteOf(scale);
    expect(new Uint8Array((await bytes.data<"u32">()).slice().buffer)).toEqual(want);
    const values = decodeUe8m0(bytes.slice(1, 3), 5);
    expect(values.shape).toEqual([2, 3, 5]);
    expect([...(await values.data())]).toEqual([...scales.subarray(30)].map((scale) => POWERS[byteOf(scale)]!));
    for (const shape of [[0, 5], [5, 0], []]) {
      const empty = gpu.full(shape, 2);
      expect(await decodeUe8m0(encodeUe8m0(empty), shape.at(-1) ?? 1).data()).toEqual(await empty.data());
    }
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});

test("scales of quantised tiles, as packed tiles have them", async () => {
  const { gpu } = holder;
  using _scope = gpu.scope("packed");
  const x = gpu.tensor(normals(3 * 700, 5), [3, 700]);
  const { scales } = quantize(x, { tiling: "row", scales: "powerOfTwo" });
  const bytes = encodeUe8m0(scales);
  expect(await decodeUe8m0(bytes, 6).data()).toEqual(await scales.data());
  const [packed, words] = [await packTiles(x).data<"u32">(), await bytes.data<"u32">()];
  for (const row of [0, 1, 2]) {
    expect(packed.subarray(row * 177 + 175, row * 177 + 177)).toEqual(words.subarray(row * 2, row * 2 + 2));
  }
});
