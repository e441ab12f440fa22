/** A buffer larger than this many units does not outlive the document that needed it. */
const KEPT_UNITS = 1 << 20;

/** A buffer for `length` units: the one at hand when it is large enough and not far too large. Its content is not kept. */
export function fitUnits(units: Uint16Array, length: number): Uint16Array {
  const isFarTooLarge = units.length > KEPT_UNITS && 2 * length <= KEPT_UNITS;
  if (units.length >= length && !isFarTooLarge) return units;
  return new Uint16Array(Math.max(2 * length, 1 << 12));
}
