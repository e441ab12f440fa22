import { type CodeArray, type CodeFormat, type FormatFacts, type Fp8Format, formatFacts } from "./formats.ts";
import { unknownName } from "./unknown-name.ts";

/**
 * What becomes of values that round to more than a format's largest one, and of infinities. NaN is NaN in all three.
 * - `saturate`: +-max.
 * - `nonsaturating`: e4m3fn, which has no infinity, NaN; e5m2 and e5m6 infinity. As ml_dtypes.
 * - `torch`: as PyTorch converts: e4m3fn as `saturate`, e5m2 (and e5m6, after f16) as `nonsaturating`.
 */
export type OverflowPolicy = "saturate" | "nonsaturating" | "torch";

/** Options of the encoders. */
export interface EncodeOptions {
  /** Default `saturate`. */
  readonly overflow?: OverflowPolicy;
}

/**
 * Codes of f32 values, to nearest, ties to even; one byte an element, the sign in its highest bit.
 *
 * Values below half the smallest subnormal (all f32 subnormals among them) become signed zero. NaN becomes 0x7f with its
 * sign.
 * Accepts: any length. Cost: one pass.
 * @throws ConfigError for an unknown format or policy.
 */
export function encodeFp8(x: Float32Array, format: Fp8Format, options: EncodeOptions = {}): Uint8Array {
  return encodeCodes(x, format, options);
}

/** As {@link encodeFp8} to 12-bit codes of e5m6, each in the low bits of 16. NaN becomes 0x7ff with its sign. */
export function encodeE5m6(x: Float32Array, options: EncodeOptions = {}): Uint16Array {
  return encodeCodes(x, "e5m6", options);
}

function encodeCodes<F extends CodeFormat>(x: Float32Array, format: F, { overflow = "saturate" }: EncodeOptions) {
  const facts = formatFacts(format);
  const codes = createCodes(format, x.length);
  encodeInto(x, new Uint32Array(x.buffer, x.byteOffset, x.length), facts, overflowCode(facts, overflow), codes, 0);
  return codes;
}

/** Codes of `count` elements, all zero. */
export function createCodes<F extends CodeFormat>(format: F, count: number): CodeArray<F> {
  return (format === "e5m6" ? new Uint16Array(count) : new Uint8Array(count)) as CodeArray<F>;
}

/** The code, without sign, of what is too large. */
export function overflowCode(facts: FormatFacts, policy: OverflowPolicy): number {
  const beyond = facts.infinityCode ?? facts.nanCode;
  const codes: Record<OverflowPolicy, number> = {
    saturate: facts.maxCode,
    nonsaturating: beyond,
    torch: facts.infinityCode ?? facts.maxCode,
  };
  if (Object.hasOwn(codes, policy)) return codes[policy];
  throw unknownName("fp8", "overflow", policy, Object.keys(codes));
}

const F32_INFINITY = 0x7f800000;
/** Adding it leaves no bits below one in a double: the addition rounds to an integer, ties to even. */
const ROUND = 2 ** 52;

/** Codes of the elements of `x`, which are given as their bits too, written from `at` on. */
export function encodeInto(
  x: Float32Array,
  bits: Uint32Array,
  facts: FormatFacts,
  beyond: number,
  codes: Uint8Array | Uint16Array,
  at: number,
): void {
  const { significandBits, bias, maxCode, nanCode, signBit } = facts;
  const cut = 23 - significandBits; // bits of an f32 significand that go
  const belowHalf = (1 << (cut - 1)) - 1;
  const rebias = (127 - bias) << significandBits;
  const smallestNormal = (128 - bias) << 23;
  const toSubnormals = 2 ** (bias - 1 + significandBits); // 1 / the smallest subnormal
  const signShift = 31 - Math.log2(signBit);
  for (let i = 0; i < x.length; i++) {
    const word = bits[i]!;
    const magnitude = word & 0x7fffffff;
    let code: number;
    if (magnitude < smallestNormal) {
      code = Math.abs(x[i]!) * toSubnormals + ROUND - ROUND; // 2^significandBits where it rounds to the first normal
    } else {
      code = ((magnitude + belowHalf + ((magnitude >>> cut) & 1)) >>> cut) - rebias;
      if (code > maxCode) code = magnitude > F32_INFINITY ? nanCode : beyond;
    }
    codes[at + i] = ((word >>> signShift) & signBit) | code;
  }
}
