import type { KernelRequest } from "./kernel-request.ts";
import type { KernelTable } from "./kernel-table.ts";

/**
 * What kernel templates know of the adapter. A template takes the fields it needs, so every variant can be compiled
 * and tested anywhere.
 */
export interface KernelTarget {
  /** The adapter runs on the CPU (lavapipe, SwiftShader): one subgroup per workgroup, no shared memory, no barriers. */
  readonly software: boolean;
  /** Lanes of a subgroup when subgroups are usable and of one fixed size, else 0. */
  readonly subgroupSize: number;
  /** `shader-f16` is enabled: arithmetic and workgroup memory in f16. Storing f16 needs nothing. Default false. */
  readonly f16?: boolean;
  /** Sizes of subgroup matrices; absent without the feature. */
  readonly subgroupMatrix?: readonly SubgroupMatrix[];
  /** Most invocations of a workgroup; default 256, which every adapter has. */
  readonly maxWorkgroupSize?: number;
  /** Most bytes of workgroup memory; default 16384, which every adapter has. */
  readonly maxWorkgroupBytes?: number;
  /** Measured choices between kernels; where it has none, each family's default order holds. */
  readonly table?: KernelTable;
  /** Hears every request for a kernel that tables have entries for. */
  readonly onRequest?: (request: KernelRequest) => void;
}

/** A product that a subgroup computes at once: M x K by K x N, of `component`s, summed in `result`. */
export interface SubgroupMatrix {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly component: "f16" | "f32";
  readonly result: "f16" | "f32";
}

/** Whether a workgroup of that many invocations and bytes of workgroup memory runs on a target. */
export function fitsWorkgroup(target: KernelTarget, invocations: number, bytes: number): boolean {
  return invocations <= (target.maxWorkgroupSize ?? 256) && bytes <= (target.maxWorkgroupBytes ?? 16384);
}

/**
 * The invocations of one workgroup that share the work of a row: `size` lanes, a power of two. They reduce through
 * subgroup shuffles when the team is exactly one subgroup, else through workgroup memory.
 */
export interface Team {
  readonly size: number;
  readonly subgroup: boolean;
}

/**
 * The team for row reductions of a target. One subgroup per row where subgroups have one size: on a software adapter
 * workgroup trees cost four times as much, on hardware with 32 lanes or more no barrier is left. Elsewhere 64 lanes
 * through workgroup memory run on every vendor's hardware.
 */
export function teamOf({ software, subgroupSize }: KernelTarget): Team {
  if (subgroupSize >= (software ? 1 : 32)) return { size: subgroupSize, subgroup: true };
  return { size: software ? 8 : 64, subgroup: false };
}

/** Features a kernel with this team has to enable. */
export function teamFeatures(team: Team): readonly "subgroups"[] {
  return team.subgroup ? ["subgroups"] : [];
}

/**
 * WGSL functions `teamSum(v, lane)` and `teamMax(v, lane)`: the reduction over the team, equal in every lane.
 * Every lane must call them in uniform control flow. Summation order is fixed, so results are reproducible.
 */
export function teamReductions(team: Team): string {
  return team.subgroup ? subgroupReductions(team.size) : workgroupReductions(team.size);
}

function subgroupReductions(size: number): string {
  const steps = (combine: (other: string) => string): string =>
    range(Math.log2(size))
      .map((i) => `  x = ${combine(`subgroupShuffleXor(x, ${1 << i}u)`)};`)
      .join("\n");
  return `
fn teamSum(v: f32, lane: u32) -> f32 {
  var x = v;
${steps((other) => `x + ${other}`)}
  return x;
}
fn teamMax(v: f32, lane: u32) -> f32 {
  var x = v;
${steps((other) => `max(x, ${other})`)}
  return x;
}`;
}

function workgroupReductions(size: number): string {
  const tree = (combine: (a: string, b: string) => string): string => `
  teamScratch[lane] = v;
  workgroupBarrier();
  for (var half = ${size / 2}u; half > 0u; half = half / 2u) {
    if (lane < half) { teamScratch[lane] = ${combine("teamScratch[lane]", "teamScratch[lane + half]")}; }
    workgroupBarrier();
  }
  let result = teamScratch[0];
  workgroupBarrier();
  return result;`;
  return `
var<workgroup> teamScratch: array<f32, ${size}>;
fn teamSum(v: f32, lane: u32) -> f32 {${tree((a, b) => `${a} + ${b}`)}
}
fn teamMax(v: f32, lane: u32) -> f32 {${tree((a, b) => `max(${a}, ${b})`)}
}`;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
