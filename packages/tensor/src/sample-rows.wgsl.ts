import { defineKernel, type Kernel } from "./kernel.ts";
import { PHILOX } from "./philox.wgsl.ts";
import { type RowTeamParams, rowMain, rowUniforms, teamLabel } from "./row-kernel.ts";
import { type Team, teamFeatures, teamReductions } from "./target.ts";

/** Numbers that a lane adds up before it adds to its sum: two levels keep sums over 100,000 ids exact to some 1e-7. */
const BLOCK = 64;
/** The third word of the counter, so that draws share no numbers with other uses of a seed (`randomWords` has 0). */
const DOMAIN = 1;
/** Bits of a key, and bits that one pass over the row settles. */
const KEY_BITS = 32;
const STEP_BITS = 2;

/**
 * One id of each row, drawn from softmax(logits inverse) after top-k, top-p and min-p. logits [B, V], streams [B] i32;
 * ids [B] u32, logProbs [B] of the drawn ids under softmax(logits inverse) of the whole row.
 *
 * Each filter keeps the ids above a bar, those at the bar too, so together they are one bar on the logits:
 * - `keyOf` maps floats to u32 of the same order. `cutOf` finds the largest key at which what lies above (a number of
 *   ids for top-k, their mass for top-p) still reaches a target, two bits of the key a pass: no sort, no memory.
 *   Top-p asks for a share of the mass that top-k left, and can look for it in the whole row: a cut below that of top-k
 *   counts as that of top-k.
 * - min-p compares with the row's largest probability, which every filter keeps: a bar on logit - top.
 *
 * The draw inverts the cumulative mass in the order of the ids. Each lane owns a contiguous piece; `teamBefore` adds the
 * lanes' masses one after the other, so the pieces [before, end) meet without gaps, exactly one lane owns the drawn
 * point, and that lane repeats its own sum, id by id, until it passes the point. An id of mass 0 is never drawn.
 *
 * All loops have bounds known beforehand: a row that holds NaN, +infinity or nothing but -infinity ends like others,
 * with id 0 and log-probability NaN. Floats are tested for that on their bits.
 */
export function sampleRowsWgsl({ team }: RowTeamParams): Kernel {
  return defineKernel({
    label: `sampleRows ${teamLabel({ team })}`,
    uniforms: {
      ...{ ...rowUniforms, V: "u32", inverse: "f32", greedy: "u32" },
      ...{ topK: "u32", topP: "f32", lowest: "f32", step: "u32", seedLow: "u32", seedHigh: "u32" },
    },
    reads: { logits: "f32", streams: "i32" },
    writes: { ids: "u32", logProbs: "f32" },
    enable: teamFeatures(team),
    body: `${PHILOX}${teamReductions(team)}${teamBefore(team)}${keys}${cutOf(team.size)}${rowMain(team.size, rowBody(team.size))}`,
  });
}

/** WGSL `teamBefore(v, lane)`: the sum of v over the lanes before this one, added in the order of the lanes. */
function teamBefore({ size, subgroup }: Team): string {
  if (subgroup) {
    const terms = Array.from(
      { length: size - 1 },
      (_, i) => `  sum += select(0.0, subgroupShuffle(v, ${i}u), lane > ${i}u);`,
    );
    return `
fn teamBefore(v: f32, lane: u32) -> f32 {
  var sum = 0.0;
${terms.join("\n")}
  return sum;
}`;
  }
  return `
fn teamBefore(v: f32, lane: u32) -> f32 {
  teamScratch[lane] = v;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < lane; i++) { sum += teamScratch[i]; }
  workgroupBarrier();
  return sum;
}`;
}

const keys = `
fn keyOf(x: f32) -> u32 {
  let given = bitcast<u32>(x);
  let bits = select(given, 0u, given == 0x80000000u); // -0 equals 0
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
fn massOf(x: f32, top: f32) -> f32 { return exp((x - top) * u.inverse); }
fn isKept(x: f32, top: f32, cut: u32) -> bool { return keyOf(x) >= cut && (x - top) * u.inverse >= u.lowest; }`;

/**
 * `aboveOf`: for three keys at once, the number of a row's ids at or above each, or their mass. `cutOf`: the largest key
 * at which that still reaches `wanted`; 0 when none does.
 */
function cutOf(lanes: number): string {
  return `
struct Row { start: u32, top: f32, lane: u32 }
fn aboveOf(row: Row, at: vec3u, weighted: bool) -> vec3f {
  var sum = vec3f(0.0);
  for (var base = 0u; base < u.V; base += ${BLOCK * lanes}u) {
    let end = min(base + ${BLOCK * lanes}u, u.V);
    var part = vec3f(0.0);
    for (var v = base + row.lane; v < end; v += ${lanes}u) {
      let x = logits[row.start + v];
      var mass = 1.0;
      if (weighted) { mass = massOf(x, row.top); }
      part += select(vec3f(0.0), vec3f(mass), vec3u(keyOf(x)) >= at);
    }
    sum += part;
  }
  return vec3f(teamSum(sum.x, row.lane), teamSum(sum.y, row.lane), teamSum(sum.z, row.lane));
}
fn cutOf(row: Row, wanted: f32, weighted: bool) -> u32 {
  var cut = 0u;
  for (var shift = ${KEY_BITS}u; shift > 0u; shift -= ${STEP_BITS}u) {
    let at = vec3u(cut) + (vec3u(1u, 2u, 3u) << vec3u(shift - ${STEP_BITS}u));
    let reached = aboveOf(row, at, weighted) >= vec3f(wanted);
    let digit = select(0u, 1u, reached.x) + select(0u, 1u, reached.y) + select(0u, 1u, reached.z);
    cut += digit << (shift - ${STEP_BITS}u);
  }
  return cut;
}`;
}

/** WGSL for one row. */
function rowBody(lanes: number): string {
  return `let start = row * u.V;
var m = -3.4028234e38;
var broken = false;
var usable = false;
for (var v = lane; v < u.V; v += ${lanes}u) {
  let x = logits[start + v];
  let bits = bitcast<u32>(x);
  let special = (bits & 0x7f800000u) == 0x7f800000u;
  broken |= special && bits != 0xff800000u;
  usable |= !special;
  m = max(m, x);
}
let top = teamMax(m, lane);
let anyBroken = teamMax(select(0.0, 1.0, broken), lane) > 0.0;
let anyUsable = teamMax(select(0.0, 1.0, usable), lane) > 0.0;
let unusable = anyBroken || !anyUsable;
let whole = Row(start, top, lane);
var cut = 0u;
if (u.topK > 0u) { cut = cutOf(whole, f32(u.topK), false); }
if (u.topP < 1.0) {
  let wanted = u.topP * aboveOf(whole, vec3u(cut), true).x;
  cut = max(cut, cutOf(whole, wanted, true));
}
cut = min(cut, keyOf(top));
let piece = (u.V + ${lanes - 1}u) / ${lanes}u;
let first = min(lane * piece, u.V);
let end = min(first + piece, u.V);
var all = 0.0;
var kept = 0.0;
for (var base = first; base < end; base += ${BLOCK}u) {
  let blockEnd = min(base + ${BLOCK}u, end);
  var allPart = 0.0;
  var keptPart = 0.0;
  for (var v = base; v < blockEnd; v++) {
    let x = logits[start + v];
    let mass = massOf(x, top);
    allPart += mass;
    keptPart += select(0.0, mass, isKept(x, top, cut));
  }
  all += allPart;
  kept += keptPart;
}
let logTotal = log(teamSum(all, lane));
let before = teamBefore(kept, lane);
let total = teamMax(before + kept, lane);
let bits = philox(vec4u(u.step, u32(streams[row]), ${DOMAIN}u, 0u), vec2u(u.seedLow, u.seedHigh)).x;
let point = f32(bits >> 8u) / 16777216.0 * total;
var id = u.V;
if (u.greedy > 0u) {
  for (var v = first; v < end && id == u.V; v++) {
    if (logits[start + v] == top) { id = v; }
  }
  let least = teamMax(-f32(id), lane);
  id = select(u.V, id, -f32(id) == least);
} else if (before <= point && point < before + kept) {
  var sum = 0.0;
  for (var base = first; base < end && id == u.V; base += ${BLOCK}u) {
    let blockEnd = min(base + ${BLOCK}u, end);
    var part = 0.0;
    for (var v = base; v < blockEnd && id == u.V; v++) {
      let x = logits[start + v];
      part += select(0.0, massOf(x, top), isKept(x, top, cut));
      if (before + (sum + part) > point) { id = v; }
    }
    sum += part;
  }
}
if (unusable) {
  if (lane == 0u) {
    ids[row] = 0u;
    logProbs[row] = bitcast<f32>(select(0u, 0x7fc00000u, unusable));
  }
} else if (id < u.V) {
  ids[row] = id;
  logProbs[row] = (logits[start + id] - top) * u.inverse - logTotal;
}`;
}
