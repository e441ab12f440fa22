import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { UnionFind } from "./union-find.ts";

/** The smallest index that can be reached over links, by spreading the smaller one until nothing changes. */
function smallestReachable(count: number, links: readonly (readonly [number, number])[]): number[] {
  const smallest = Array.from({ length: count }, (_, i) => i);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [a, b] of links) {
      const least = Math.min(smallest[a]!, smallest[b]!);
      if (smallest[a] === least && smallest[b] === least) continue;
      smallest[a] = least;
      smallest[b] = least;
      changed = true;
    }
  }
  return smallest;
}

test("sets are what links reach, known by their smallest member, in any order of links", () => {
  const random = createRandom({ seed: 8 });
  for (let round = 0; round < 300; round++) {
    const count = 1 + random.below(60);
    const links = Array.from({ length: random.below(50) }, () => [random.below(count), random.below(count)] as const);
    const sets = new UnionFind(count);
    for (const [a, b] of random.shuffle([...links])) sets.union(a, b);
    expect(Array.from({ length: count }, (_, i) => sets.find(i))).toEqual(smallestReachable(count, links));
  }
});
