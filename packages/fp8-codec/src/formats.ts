/** The 8-bit floats of the OCP specification: 4 exponent bits, no infinity, up to 448; 5 exponent bits, up to 57344. */
export type Fp8Format = "e4m3fn" | "e5m2";

/**
 * Formats of codes with a scale. `e5m6` has 12 bits: f16's exponent with 6 bits of significand, up to 65024, in which
 * DeepSeek-V3 keeps the inputs of the linear layers behind attention (report, section 3.3.3).
 */
export type CodeFormat = Fp8Format | "e5m6";
