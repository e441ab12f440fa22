/** `{ empty: 0, tooLong: 14 }` as `0 empty, 14 tooLong`. */
export function listCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, value]) => `${value} ${name}`)
    .join(", ");
}
