/** The seed of a part's samples: the build's, counted on by the part's number, from 0 again after the largest integer. */
export function partSeed(seed: number, number: number): number {
  const room = Number.MAX_SAFE_INTEGER - seed;
  return number <= room ? seed + number : number - room - 1;
}
