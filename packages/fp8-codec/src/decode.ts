import { type CodeFormat, type FormatFacts, type Fp8Format, formatFacts } from "./formats.ts";

/**
 * f32 values of codes, exact; by table.
 * Accepts: any length. NaN codes give NaN, e5m2's infinities infinity.
 * @throws ConfigError for an unknown format.
 */
export function decodeFp8(codes: Uint8Array, format: Fp8Format): Float32Array {
  return lookUp(codes, codeValues(format));
}

/** As {@link decodeFp8} of 12-bit codes; the four bits above them are ignored. */
export function decodeE5m6(codes: Uint16Array): Float32Array {
  return lookUp(codes, codeValues("e5m6"));
}

function lookUp(codes: Uint8Array | Uint16Array, values: Float32Array): Float32Array {
  const decoded = new Float32Array(codes.length);
  const last = values.length - 1;
  for (let i = 0; i < codes.length; i++) decoded[i] = values[codes[i]! & last]!;
  return decoded;
}

const tables = new Map<CodeFormat, Float32Array>();

/** The value of every code: 256 of them, or 4096. Shared, so not to be written to. */
export function codeValues(format: CodeFormat): Float32Array {
  const known = tables.get(format);
  if (known !== undefined) return known;
  const facts = formatFacts(format);
  const table = Float32Array.from({ length: 2 * facts.signBit }, (_, code) => codeValue(code, facts));
  tables.set(format, table);
  return table;
}

function codeValue(code: number, facts: FormatFacts): number {
  const { significandBits, bias, maxCode, infinityCode, signBit } = facts;
  const sign = code >= signBit ? -1 : 1;
  const unsigned = code % signBit;
  if (unsigned > maxCode) return unsigned === infinityCode ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  const ones = 2 ** significandBits;
  const exponent = Math.floor(unsigned / ones);
  const significand = unsigned % ones;
  const scaled = exponent === 0 ? 2 * significand : ones + significand;
  return sign * scaled * 2 ** (exponent - bias - significandBits);
}
