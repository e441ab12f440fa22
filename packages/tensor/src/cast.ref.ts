/** The bfloat16 nearest to a number: 8 significant bits, ties to the even one, exponents from -126 (subnormals below). */
export function roundToBf16Ref(value: number): number {
  return roundRef(value, 8, -126, 2 ** 128);
}

/** The binary16 nearest to a number: 11 significant bits, ties to the even one, exponents from -14 (subnormals below). */
export function roundToF16Ref(value: number): number {
  return roundRef(value, 11, -14, 2 ** 16);
}

/** `limit`: the first power of two that the format does not have. */
function roundRef(value: number, digits: number, minExponent: number, limit: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const magnitude = Math.abs(value);
  const unit = 2 ** (Math.max(minExponent, Math.floor(Math.log2(magnitude))) - (digits - 1));
  const below = Math.floor(magnitude / unit);
  const rest = magnitude / unit - below;
  const rounded = (rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below) * unit;
  return Math.sign(value) * (rounded >= limit ? Number.POSITIVE_INFINITY : rounded);
}
