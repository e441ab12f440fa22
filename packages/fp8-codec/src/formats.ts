import { unknownName } from "./unknown-name.ts";

/** The 8-bit floats of the OCP specification: 4 exponent bits, no infinity, up to 448; 5 exponent bits, up to 57344. */
export type Fp8Format = "e4m3fn" | "e5m2";

/**
 * Formats of codes with a scale. `e5m6` has 12 bits: f16's exponent with 6 bits of significand, up to 65024, in which
 * DeepSeek-V3 keeps the inputs of the linear layers behind attention (report, section 3.3.3).
 */
export type CodeFormat = Fp8Format | "e5m6";

/** Codes one an element: bytes, or 12 bits in the low end of 16. */
export type CodeArray<F extends CodeFormat = CodeFormat> = F extends "e5m6" ? Uint16Array : Uint8Array;

/** What a format's bits mean. Codes without their sign bit, which is the highest. */
export interface FormatFacts {
  readonly format: CodeFormat;
  readonly exponentBits: number;
  /** Stored bits of significand, without the implied one. */
  readonly significandBits: number;
  readonly bias: number;
  /** The largest finite value, and its code. */
  readonly max: number;
  readonly maxCode: number;
  /** e4m3fn has none. */
  readonly infinityCode: number | undefined;
  /** The NaN that encoding gives; e5m2 and e5m6 read others too. */
  readonly nanCode: number;
  /** The bit of the sign: 0x80, or 0x800. */
  readonly signBit: number;
}

const e5 = { exponentBits: 5, bias: 15 } as const;
const FACTS: Readonly<Record<CodeFormat, FormatFacts>> = {
  e4m3fn: {
    format: "e4m3fn",
    exponentBits: 4,
    significandBits: 3,
    bias: 7,
    max: 448,
    maxCode: 0x7e,
    infinityCode: undefined,
    nanCode: 0x7f,
    signBit: 0x80,
  },
  e5m2: {
    ...e5,
    format: "e5m2",
    significandBits: 2,
    max: 57344,
    maxCode: 0x7b,
    infinityCode: 0x7c,
    nanCode: 0x7f,
    signBit: 0x80,
  },
  e5m6: {
    ...e5,
    format: "e5m6",
    significandBits: 6,
    max: 65024,
    maxCode: 0x7bf,
    infinityCode: 0x7c0,
    nanCode: 0x7ff,
    signBit: 0x800,
  },
};

/**
 * The widths, the bias and the special codes of a format.
 * @throws ConfigError for a name that is no format.
 */
export function formatFacts(format: CodeFormat): FormatFacts {
  if (Object.hasOwn(FACTS, format)) return FACTS[format];
  throw unknownName("fp8", "format", format, Object.keys(FACTS));
}
