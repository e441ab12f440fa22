/**
 * Sets of indices that only grow together; each is known by its smallest member, so the result does not depend on the
 * order of `union` calls. Four bytes an index.
 */
export class UnionFind {
  readonly #parents: Uint32Array;

  constructor(count: number) {
    this.#parents = Uint32Array.from({ length: count }, (_, index) => index);
  }

  /** The smallest member of the set that `index` is in. Halves the paths it walks. */
  find(index: number): number {
    const parents = this.#parents;
    let at = index;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]!]!;
      at = parents[at]!;
    }
    return at;
  }

  /** Make one set of the two that hold `a` and `b`. */
  union(a: number, b: number): void {
    const [rootA, rootB] = [this.find(a), this.find(b)];
    if (rootA < rootB) this.#parents[rootB] = rootA;
    else this.#parents[rootA] = rootB;
  }
}
