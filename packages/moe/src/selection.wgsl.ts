import type { Team } from "@ds3/tensor";

/**
 * WGSL for choosing the largest of E values by a team, as exact integers.
 *
 * Floats become integers of the same order (`ordered`), so that neither infinities nor NaN reach a float comparison,
 * which not every adapter does reliably. Key 0 is below every float: it marks what must not be chosen, so masked
 * experts lose against any score, negative ones too. Equal keys go to the smaller index.
 *
 * Declares `keys` (workgroup, [E]: the kernel fills it, lane l writes e = l, l + lanes, ..; barrier not needed unless other
 * lanes write), `chosen` (private, [K], equal in all lanes) and `selectLargest(count, lane)`, to be called in uniform
 * control flow; it sets the keys it took to 0.
 */
export function selectionWgsl(team: Team, E: number, K: number): string {
  return `
var<workgroup> keys: array<u32, ${E}>;
var<private> chosen: array<u32, ${K}>;
fn ordered(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return max(1u, select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u));
}
fn unordered(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key >> 31u) == 1u));
}
fn better(a: vec2u, b: vec2u) -> vec2u { // (key, index)
  return select(b, a, a.x > b.x || (a.x == b.x && a.y < b.y));
}
${team.subgroup ? subgroupBest(team.size) : workgroupBest(team.size)}
fn selectLargest(count: u32, lane: u32) {
  for (var k = 0u; k < count; k++) {
    var mine = vec2u(0u, ${E}u);
    for (var e = lane; e < ${E}u; e += ${team.size}u) {
      if (keys[e] > mine.x) { mine = vec2u(keys[e], e); }
    }
    let best = min(teamBest(mine, lane).y, ${E - 1}u);
    chosen[k] = best;
    if (best % ${team.size}u == lane) { keys[best] = 0u; }
  }
}`;
}

function subgroupBest(size: number): string {
  const steps = Array.from(
    { length: Math.log2(size) },
    (_, i) => `
  best = better(best, vec2u(subgroupShuffleXor(best.x, ${1 << i}u), subgroupShuffleXor(best.y, ${1 << i}u)));`,
  );
  return `
fn teamBest(mine: vec2u, lane: u32) -> vec2u {
  var best = mine;${steps.join("")}
  return best;
}`;
}

function workgroupBest(size: number): string {
  return `
var<workgroup> bestScratch: array<vec2u, ${size}>;
fn teamBest(mine: vec2u, lane: u32) -> vec2u {
  bestScratch[lane] = mine;
  workgroupBarrier();
  for (var half = ${size / 2}u; half > 0u; half = half / 2u) {
    if (lane < half) { bestScratch[lane] = better(bestScratch[lane], bestScratch[lane + half]); }
    workgroupBarrier();
  }
  let best = bestScratch[0];
  workgroupBarrier();
  return best;
}`;
}
