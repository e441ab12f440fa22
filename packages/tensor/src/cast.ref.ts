/** The bfloat16 nearest to a number: 8 significant bits, ties to the even one, exponents from -126 (subnormals below). */
export function roundToBf16Ref(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const magnitude = Math.abs(value);
  const unit = 2 ** (Math.max(-126, Math.floor(Math.log2(magnitude))) - 7);
  const below = Math.floor(magnitude / unit);
  const rest = magnitude / unit - below;
  const rounded = (rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below) * unit;
  // 2^128 is the first number that bfloat16 does not have.
  return Math.sign(value) * (rounded >= 2 ** 128 ? Number.POSITIVE_INFINITY : rounded);
}
