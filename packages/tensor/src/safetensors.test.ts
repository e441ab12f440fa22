import { DtypeError, FormatError, ShapeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { bf16ToF32, f32ToBf16, parseSafetensors, type SafetensorsInput, serializeSafetensors } from "./safetensors.ts";

const weight = { name: "weight", dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;
const codes = { name: "codes", dtype: "F8_E4M3", shape: [3], data: Uint8Array.of(7, 8, 9) } as const;
const ids = { name: "ids", dtype: "I64", shape: [1], data: BigInt64Array.of(-5n) } as const;
const empty = { name: "empty", dtype: "BF16", shape: [0, 4], data: new Uint16Array(0) } as const;
const all: SafetensorsInput[] = [codes, weight, ids, empty];

/** A file with the given header text and number of zero data bytes. */
function fileWith(header: unknown, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test("what is written is read back, aligned and without a copy", () => {
  const file = serializeSafetensors(all, { step: "3" });
  const tensors = parseSafetensors(file);
  expect([...tensors.keys()]).toEqual(["ids", "weight", "empty", "codes"]);
  for (const { name, dtype, shape, data } of all) expect(tensors.get(name)).toMatchObject({ dtype, shape, data });
  expect(tensors.get("weight")!.data.buffer).toBe(file.buffer);
});

test("the same tensors give the same bytes in any order", () => {
  expect(serializeSafetensors([...all].reverse())).toEqual(serializeSafetensors(all));
});

test("a misaligned tensor is copied", () => {
  const file = serializeSafetensors([weight]);
  const shifted = new Uint8Array(file.length + 1);
  shifted.set(file, 1);
  expect(parseSafetensors(shifted.subarray(1)).get("weight")!.data).toEqual(weight.data);
});

test("names that JavaScript treats specially keep their place", () => {
  const odd = ["__proto__", "10", "2"].map((name) => ({ ...codes, name }));
  expect([...parseSafetensors(serializeSafetensors(odd)).keys()].sort()).toEqual(["10", "2", "__proto__"]);
});

test("a file cut anywhere is refused", () => {
  const file = serializeSafetensors(all);
  for (let length = 0; length < file.length; length++) {
    expect(() => parseSafetensors(file.subarray(0, length)), `${length} bytes`).toThrow(FormatError);
  }
});

test.each<[string, Uint8Array, RegExp]>([
  ["trailing bytes", fileWith({ a: entry(0, 4) }, 8), /data: expected 4 bytes, the end of "a", got 8 bytes/],
  ["an overlap", fileWith({ a: entry(0, 8), b: entry(4, 12) }, 12), /"b": expected begin 8.*overlap: bytes 4\.\.12/],
  ["a hole", fileWith({ a: entry(0, 4), b: entry(8, 12) }, 12), /"b": expected begin 4.*hole: bytes 8\.\.12/],
  ["bounds", fileWith({ a: entry(0, 4), b: entry(4, 12) }, 8), /"b": expected offsets within 8 bytes.*bytes 4\.\.12/],
  ["a byte count", fileWith({ a: entry(0, 8, [3]) }, 8), /"a": expected 12 bytes for F32 \[3\], got 8/],
  ["reversed offsets", fileWith({ a: { dtype: "F32", shape: [1], data_offsets: [4, 0] } }, 4), /begin <= end/],
  ["a negative size", fileWith({ a: entry(0, 4, [-1]) }, 4), /"a" shape: expected a list of integers >= 0/],
  ["an unknown dtype", fileWith({ a: entry(0, 4, [1], "F7") }, 4), /"a" dtype: .* got "F7"/],
  [
    "a name twice",
    fileWith(`{"a":${JSON.stringify(entry(0, 4))},"\\u0061":${JSON.stringify(entry(4, 8))}}`, 8),
    /"a": .*two/,
  ],
  [
    "metadata that is no string",
    fileWith({ __metadata__: { a: 1 } }, 0),
    /__metadata__: expected an object of strings/,
  ],
  ["a header that is no JSON", fileWith("{", 0), /header: expected JSON/],
  ["a header that is no object", fileWith([1], 0), /header: expected a JSON object, got \[1\]/],
  ["a huge header length", new Uint8Array(16).fill(255), /header length: expected at most/],
])("refuses %s by name", (_, file, message) => {
  expect(() => parseSafetensors(file)).toThrow(message);
  expect(() => parseSafetensors(file)).toThrow(FormatError);
});

test("refuses to write what could not be read", () => {
  expect(() => serializeSafetensors([weight, weight])).toThrow(FormatError);
  expect(() => serializeSafetensors([{ ...weight, name: "__metadata__" }])).toThrow(FormatError);
  expect(() => serializeSafetensors([{ ...weight, shape: [7] }])).toThrow(ShapeError);
  expect(() => serializeSafetensors([{ ...weight, dtype: "F7" as "F32" }])).toThrow(DtypeError);
});

test("bf16 rounds to nearest, ties to even, and keeps NaN and infinity", () => {
  const bits = (...words: number[]) => new Float32Array(Uint32Array.from(words).buffer);
  const cases = bits(0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0x7f7fffff, 0x7f800001, 0xff800000, 0x80000001);
  expect([...f32ToBf16(cases)]).toEqual([0x3f80, 0x3f82, 0x3f81, 0x3f80, 0x7f80, 0x7fc0, 0xff80, 0x8000]);
  const every = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((i) => (i & 0x7fff) <= 0x7f80);
  expect(f32ToBf16(bf16ToF32(every))).toEqual(every);
});
