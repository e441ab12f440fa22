/** Every tenth item, from the first on, kept apart to measure on; at least one stays on each side of two or more. */
export function holdOut<T>(items: readonly T[]): { readonly train: readonly T[]; readonly heldOut: readonly T[] } {
  const isHeldOut = (_: T, index: number): boolean => index % 10 === 0;
  return { train: items.filter((item, index) => !isHeldOut(item, index)), heldOut: items.filter(isHeldOut) };
}
