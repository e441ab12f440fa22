/** The WGSL codecs through `encodeTensor` and `decodeTensor`. */
import { type CodeFormat, decodeFp8, encodeFp8 } from "@ds3/fp8-codec";
import type { Gpu } from "@ds3/tensor";
import { normals, testFixtures, uniforms, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { unpackCodes } from "../test/unpack-codes.ts";
import { decodeTensor, encodeTensor } from "./encode-tensor.ts";
import { decodeRef, encodeRef } from "./quantize.ref.ts";

const holder = useTestGpu();
const formats = ["e4m3fn", "e5m2", "e5m6"] as const;
const policies = ["saturate", "nonsaturating", "torch"] as const;
const codesOf: Readonly<Record<CodeFormat, number>> = { e4m3fn: 256, e5m2: 256, e5m6: 4096 };

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);
const floatsOf = (bits: ArrayLike<number>): Float32Array<ArrayBuffer> =>
  new Float32Array(Uint32Array.from(bits, (b) => b >>> 0).buffer);

async function encoded(
  gpu: Gpu,
  x: Float32Array,
  format: CodeFormat,
  overflow: (typeof policies)[number],
): Promise<Uint16Array> {
  using _scope = gpu.scope("encode");
  const words = await encodeTensor(gpu.tensor(x, [x.length]), format, { overflow }).data<"u32">();
  return unpackCodes(words, 1, x.length, format);
}

/** Codes [rows, columns] as words, from the layout's definition. */
function packed(codes: readonly number[], format: CodeFormat): Uint32Array {
  const bits = format === "e5m6" ? 12 : 8;
  let all = 0n;
  for (const [i, code] of codes.entries()) all |= BigInt(code) << BigInt(i * bits);
  const unit = format === "e5m6" ? 3 * Math.ceil(codes.length / 8) : Math.ceil(codes.length / 4);
  return Uint32Array.from({ length: unit }, (_, i) => Number((all >> BigInt(32 * i)) & 0xffff_ffffn));
}

describe.each(formats)("%s", (format) => {
  const all = Array.from({ length: codesOf[format] }, (_, code) => code);
  const nan = (code: number): boolean => Number.isNaN(decodeRef(code, format));

  test("every code decodes to its value, on bits", async () => {
    using _scope = holder.gpu.scope("decode");
    const words = packed(all, format);
    const values = await decodeTensor(holder.gpu.tensor(words, [words.length], "u32"), all.length, format).data();
    const negative = (code: number): boolean => code >= all.length / 2;
    const want = all.map((code) =>
      nan(code) ? (negative(code) ? 0xffc0_0000 : 0x7fc0_0000) : bitsOf(Float32Array.of(decodeRef(code, format)))[0],
    );
    expect([...bitsOf(values)]).toEqual(want);
  });

  test("every code that is a number encodes to itself, NaN to NaN with its sign", async () => {
    const values = Float32Array.from(all, (code) => decodeRef(code, format));
    const bits = bitsOf(values).map((b, code) =>
      nan(code) ? (code >= all.length / 2 ? 0xff80_0001 : 0x7fff_ffff) : b,
    );
    const got = await encoded(holder.gpu, floatsOf(bits), format, "nonsaturating");
    const [half, canonical] = [all.length / 2, all.length / 2 - 1];
    expect([...got]).toEqual(all.map((code) => (nan(code) ? (code >= half ? half + canonical : canonical) : code)));
  });

  test.each(policies)("%s: rounds to nearest, ties to even, at every border", async (policy) => {
    const inputs = [...borders(format), ...anyBits(2000), 1e-45, -1e-40, 2 ** -126, 3.4e38, -3.4e38, 1 / 0, -1 / 0];
    const x = Float32Array.from(inputs);
    const overflow = policy === "torch" ? (format === "e4m3fn" ? "saturate" : "nonsaturating") : policy;
    const want = Uint16Array.from(x, (v) => encodeRef(v, format, overflow));
    expect(await encoded(holder.gpu, x, format, policy)).toEqual(want);
  });
});

/** Both sides of the middle between neighbours, the middle, and the values. */
function borders(format: CodeFormat): number[] {
  const finite = Array.from({ length: codesOf[format] / 2 }, (_, code) => decodeRef(code, format)).filter(
    Number.isFinite,
  );
  const above = finite.at(-1)! + (finite.at(-1)! - finite.at(-2)!);
  return [...finite, above].flatMap((value, i, values) => {
    const middle = i === 0 ? value : (value + values[i - 1]!) / 2;
    const [bits] = bitsOf(Float32Array.of(middle));
    const near = [...floatsOf(middle === 0 ? [0, 1] : [bits! - 1, bits!, bits! + 1])];
    return [value, ...near].flatMap((v) => [v, -v]);
  });
}

/** Any f32 that is not NaN. */
function anyBits(count: number): number[] {
  const uniform = uniforms(7);
  return [...floatsOf(Array.from({ length: count }, () => Math.floor(uniform() * 2 ** 32)))].filter(
    (v) => !Number.isNaN(v),
  );
}

test("odd rows and views: rows are words of their own, inputs may start inside a buffer", async () => {
  const { gpu } = holder;
  const before = gpu.stats.liveBuffers;
  {
    using _scope = gpu.scope("views");
    const x = Float32Array.from(normals(6 * 13, 3));
    const some = gpu.tensor(x, [6, 13]).slice(1, 5);
    for (const format of ["e4m3fn", "e5m2"] as const) {
      const codes = encodeTensor(some, format);
      expect(codes.shape).toEqual([4, 4]);
      const want = encodeFp8(x.subarray(13, 65), format, {});
      expect(unpackCodes(await codes.data<"u32">(), 4, 13, format)).toEqual(Uint16Array.from(want));
      expect(await decodeTensor(codes.slice(1, 3), 13, format).data()).toEqual(
        decodeFp8(want.subarray(13, 39), format),
      );
    }
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});

testFixtures(
  "fp8",
  "encodes and decodes as",
  ({ tensors }) => "decoded_bits" in tensors,
  async ({ meta, tensor }) => {
    const { gpu } = holder;
    using _scope = gpu.scope("fixture");
    const format = meta.config.format as "e4m3fn" | "e5m2";
    const x = floatsOf(tensor("x_bits").data as Int32Array);
    const isNan = (code: number): boolean => Number.isNaN(decodeRef(code, format));
    for (const [policy, name] of [
      ["saturate", "saturating"],
      ["nonsaturating", "nonsaturating"],
      ["torch", "torch"],
    ] as const) {
      const got = await encoded(gpu, x, format, policy);
      const want = tensor(`codes_${name}`).data as Uint8Array;
      const different = [...got].filter((code, i) => code !== want[i] && !(isNan(code) && isNan(want[i]!)));
      expect(different, policy).toEqual([]);
    }
    const words = new Uint32Array(Uint8Array.from({ length: 256 }, (_, i) => i).buffer);
    const values = await decodeTensor(gpu.tensor(words, [64], "u32"), 256, format).data();
    expect(values).toEqual(floatsOf(tensor("decoded_bits").data as Int32Array));
  },
);
