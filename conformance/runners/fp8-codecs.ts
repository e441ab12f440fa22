import { decodeTensor, encodeTensor } from "@ds3/fp8";
import { decodeFp8, encodeFp8, type Fp8Format, type OverflowPolicy } from "@ds3/fp8-codec";
import type { Gpu } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import type { FixtureJson } from "../find-fixtures.ts";
import type { Results } from "../topic.ts";
import { bytesOf } from "./quantized-matrices.ts";

const POLICIES: readonly OverflowPolicy[] = ["saturate", "nonsaturating", "torch"];
/** The policies' names in fixtures, where they differ. */
const STORED: Readonly<Partial<Record<OverflowPolicy, string>>> = { saturate: "saturating" };

/** Codes of f32 values, with each policy for what is too large, and the values of all codes. */
export function addCodec(results: Results, gpu: Gpu, fixture: Fixture, config: FixtureJson): void {
  const format = config.format as Fp8Format;
  // As bits: NaN would not survive every conversion.
  const x = new Float32Array(fixture.i32("x_bits").buffer);
  const onGpu = gpu.tensor(x, [1, x.length], "f32", "x");
  for (const overflow of POLICIES) {
    const name = `codes_${STORED[overflow] ?? overflow}`;
    results.add(name, "encodeFp8", encodeFp8(x, format, { overflow }));
    results.add(name, "encodeTensor", bytesOf(encodeTensor(onGpu, format, { overflow }), 1, x.length));
  }
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
  results.add("decoded_bits", "decodeFp8", bitsOf(decodeFp8(codes, format)));
  const words = gpu.tensor(new Uint32Array(codes.buffer), [1, 64], "u32", "codes");
  results.add("decoded_bits", "decodeTensor", decodeTensor(words, 256, format).data().then(bitsOf));
}

function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}
