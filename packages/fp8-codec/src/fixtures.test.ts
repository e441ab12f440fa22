import { type Fixture, testFixtures } from "@ds3/testing";
import { expectSame, floatsOf, storedCodes, storedFloats } from "../test/bits.ts";
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

testFixtures("fp8", "codec", ({ tensors }) => "codes_torch" in tensors, checkCodec);
testFixtures("fp8", "tiles", ({ tensors }) => "q_reciprocal" in tensors, checkTiles);
testFixtures("fp8", "ue8m0", ({ tensors }) => "scale_by_f32_log2" in tensors, checkUe8m0);
testFixtures("fp8", "operands of products", ({ tensors }) => "a_q" in tensors, checkOperands);

function checkCodec(fixture: Fixture): void {
  const format = fixture.meta.config.format as Fp8Format;
  const x = floatsOf(fixture.i32("x_bits"));
  const decoded = decodeFp8(
    Uint8Array.from({ length: 256 }, (_, code) => code),
    format,
  );
  expectSame(decoded, floatsOf(fixture.i32("decoded_bits")));
  const oneNan = (codes: ArrayLike<number>): number[] =>
    Array.from(codes, (code) => (Number.isNaN(decoded[code]) ? 0x7f : code));
  const names = { torch: "codes_torch", nonsaturating: "codes_nonsaturating", saturate: "codes_saturating" } as const;
  for (const overflow of ["torch", "nonsaturating", "saturate"] as const) {
    expectSame(oneNan(encodeFp8(x, format, { overflow })), oneNan(storedCodes(fixture, names[overflow])));
  }
}

function checkTiles(fixture: Fixture): void {
  const shape = fixture.meta.tensors.x!.shape as [number, number];
  const x = storedFloats(fixture, "x");
  const tiling = fixture.meta.config.tile === "128x128 block" ? "block" : "row";
  const plain = quantize(x, shape, { tiling });
  expectSame(plain.scales, storedFloats(fixture, "scale"));
  expectSame(plain.codes, storedCodes(fixture, "q"));
  const { codes } = quantize(x, shape, { tiling, division: "reciprocal" });
  expectSame(codes, storedCodes(fixture, "q_reciprocal"));
  const values = storedFloats(fixture, "dequantised");
  expectSame(dequantize(plain), values);
  if (tiling === "block") expectSame(dequantizeBlocks(plain.codes, plain.scales, shape), values);
  const powers = quantize(x, shape, { tiling, scales: "powerOfTwo" });
  expectSame(powers.scales, storedFloats(fixture, "scale_ue8m0"));
  expectSame(encodeUe8m0(powers.scales), storedCodes(fixture, "scale_ue8m0_code"));
  expectSame(powers.codes, storedCodes(fixture, "q_ue8m0"));
}

function checkUe8m0(fixture: Fixture): void {
  const scales = storedFloats(fixture, "scale");
  expectSame(encodeUe8m0(scales), storedCodes(fixture, "code"));
  expectSame(roundUpToPowerOfTwo(scales), storedFloats(fixture, "scale_ue8m0"));
}

function checkOperands(fixture: Fixture): void {
  for (const [name, tiling] of [
    ["a", "row"],
    ["b", "block"],
  ] as const) {
    const shape = fixture.meta.tensors[name]!.shape as [number, number];
    for (const [ending, scales] of [
      ["", "f32"],
      ["_ue8m0", "powerOfTwo"],
    ] as const) {
      const quantized = quantize(storedFloats(fixture, name), shape, { tiling, scales });
      expectSame(quantized.codes, storedCodes(fixture, `${name}_q${ending}`));
      expectSame(quantized.scales, storedFloats(fixture, `${name}_scale${ending}`));
    }
  }
}
