/**
 * Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), in integers.
 * counter 4 words, key 2 words -> 4 words.
 */
export function philoxRef(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter.map((word) => BigInt(word)) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map((word) => BigInt(word)) as [bigint, bigint];
  const mask = 0xffff_ffffn;
  for (let round = 0; round < 10; round++) {
    const product0 = 0xd251_1f53n * c0;
    const product1 = 0xcd9e_8d57n * c2;
    [c0, c1, c2, c3] = [(product1 >> 32n) ^ c1 ^ k0, product1 & mask, (product0 >> 32n) ^ c3 ^ k1, product0 & mask];
    k0 = (k0 + 0x9e37_79b9n) & mask;
    k1 = (k1 + 0xbb67_ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}
