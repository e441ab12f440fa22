import { type Fixture, testFixtures } from "@ds3/testing";
import { expect } from "vitest";
import {
  decodeFp8,
  dequantize,
  dequantizeBlocks,
  encodeFp8,
  encodeUe8m0,
  type Fp8Format,
  quantize,
  roundUpToPowerOfTwo,
} from "./index.ts";

const bytes = (fixture: Fixture, name: string): Uint8Array => Uint8Array.from(fixture.tensor(name).data as Uint8Array);
const floats = (fixture: Fixture, name: string): Float32Array => Float32Array.from(fixture.f64(name));
const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer);

testFixtures("fp8", "codec", ({ tensors }) => "codes_torch" in tensors, checkCodec);
testFixtures("fp8", "tiles", ({ tensors }) => "q_reciprocal" in tensors, checkTiles);
testFixtures("fp8", "ue8m0", ({ tensors }) => "scale_by_f32_log2" in tensors, checkUe8m0);
testFixtures("fp8", "operands of products", ({ tensors }) => "a_q" in tensors, checkOperands);

function checkCodec(fixture: Fixture): void {
  const format = fixture.meta.config.format as Fp8Format;
  const x = new Float32Array(Uint32Array.from(fixture.i32("x_bits")).buffer);
  const isNan = decodeFp8(
    Uint8Array.from({ length: 256 }, (_, code) => code),
    format,
  ).map(Number);
  const oneNan = (codes: Uint8Array): Uint8Array => codes.map((c) => (Number.isNaN(isNan[c]) ? 0x7f : c));
  const policies = {
    torch: "codes_torch",
    nonsaturating: "codes_nonsaturating",
    saturate: "codes_saturating",
  } as const;
  for (const overflow of ["torch", "nonsaturating", "saturate"] as const) {
    expect(oneNan(encodeFp8(x, format, { overflow }))).toEqual(oneNan(bytes(fixture, policies[overflow])));
  }
  const expected = new Float32Array(Uint32Array.from(fixture.i32("decoded_bits")).buffer);
  expect(isNan).toEqual(expected);
}

function checkTiles(fixture: Fixture): void {
  const [rows, columns] = fixture.meta.tensors.x!.shape as [number, number];
  const x = floats(fixture, "x");
  const tiling = fixture.meta.config.tile === "128x128 block" ? "block" : "row";
  const plain = quantize(x, [rows, columns], { tiling });
  expect(bits(plain.scales)).toEqual(bits(floats(fixture, "scale")));
  expect(plain.codes).toEqual(bytes(fixture, "q"));
  expect(quantize(x, [rows, columns], { tiling, division: "reciprocal" }).codes).toEqual(
    bytes(fixture, "q_reciprocal"),
  );
  expect(bits(dequantize(plain))).toEqual(bits(floats(fixture, "dequantised")));
  if (tiling === "block") {
    expect(dequantizeBlocks(plain.codes, plain.scales, [rows, columns])).toEqual(floats(fixture, "dequantised"));
  }
  const powers = quantize(x, [rows, columns], { tiling, scales: "powerOfTwo" });
  expect(bits(powers.scales)).toEqual(bits(floats(fixture, "scale_ue8m0")));
  expect(encodeUe8m0(powers.scales)).toEqual(bytes(fixture, "scale_ue8m0_code"));
  expect(powers.codes).toEqual(bytes(fixture, "q_ue8m0"));
}

function checkUe8m0(fixture: Fixture): void {
  const scales = floats(fixture, "scale");
  expect(encodeUe8m0(scales)).toEqual(bytes(fixture, "code"));
  expect(bits(roundUpToPowerOfTwo(scales))).toEqual(bits(floats(fixture, "scale_ue8m0")));
}

function checkOperands(fixture: Fixture): void {
  for (const [name, tiling] of [
    ["a", "row"],
    ["b", "block"],
  ] as const) {
    const [rows, columns] = fixture.meta.tensors[name]!.shape as [number, number];
    for (const [ending, scales] of [
      ["", "f32"],
      ["_ue8m0", "powerOfTwo"],
    ] as const) {
      const quantized = quantize(floats(fixture, name), [rows, columns], { tiling, scales });
      expect(quantized.codes).toEqual(bytes(fixture, `${name}_q${ending}`));
      expect(bits(quantized.scales)).toEqual(bits(floats(fixture, `${name}_scale${ending}`)));
    }
  }
}
