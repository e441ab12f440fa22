import { roundToBf16Ref, swigluBackwardRef, swigluRef } from "@ds3/tensor/reference";
import {
  blockTilesRef,
  columnTilesRef,
  roundTilesRef,
  rowTilesRef,
  type TileRoundingRef,
  type TilesRef,
  wholeRef,
} from "./fp8-linear-tiles.ref.ts";

/** Activations reach 1e-4 and more, gradients of a mean over many tokens do not. */
const GRADIENT_FLOOR = 2 ** -90;

/** Sizes of a layer, and what it does besides. */
export interface Fp8LinearRefOptions {
  /** Columns of the layer's input: of x, half of z's. */
  readonly inFeatures: number;
  /** Group e owns rows offsets[e] .. offsets[e + 1], and the matrix e of the weights. Default: one group of all rows. */
  readonly offsets?: readonly number[];
  /** Switches all rounding off: the layer in exact numbers, whose gradients finite differences can check. */
  readonly exact?: boolean;
  /** Each rounded tensor is one tile. */
  readonly whole?: boolean;
}

/** Which of the report's linear layers it is. */
export interface Fp8PlainLinearRefOptions extends Fp8LinearRefOptions {
  /**
   * afterAttention: scales are powers of two, backward reads x in 12 bits. dispatched: scales of x are powers of two,
   * its gradient is rounded to bf16. combined: y is rounded to bf16, scales of its gradient are powers of two.
   */
  readonly kind?: "plain" | "afterAttention" | "dispatched" | "combined";
}

/** A linear layer behind SwiGLU. */
export interface Fp8GatedLinearRefOptions extends Fp8LinearRefOptions {
  /** The down projection of experts: y is rounded to bf16, scales of its gradient are powers of two. */
  readonly combined?: boolean;
  /** swiglu(z) and swiglu(decoded z) as somebody else computed them: a last bit can decide on a code. */
  readonly hidden?: { readonly forward: Float64Array; readonly backward: Float64Array };
}

/**
 * A linear layer of DeepSeek-V3's FP8 training (report, section 3.3), f64: all three products read values that are
 * rounded in tiles. x [R, I], weights [E, O, I] -> y [R, O].
 */
export function fp8LinearRef(
  x: Float64Array,
  weights: Float64Array,
  options: Fp8PlainLinearRefOptions,
): { y: Float64Array; backward(dy: Float64Array): { x: Float64Array; weights: Float64Array } } {
  const { kind = "plain", exact = false } = options;
  const { R, O, I, offsets, round } = layerOf(x.length / options.inFeatures, weights, options);
  const powerOfTwo = kind === "afterAttention" || kind === "dispatched";
  const isCombined = kind === "combined";
  const w = round(weights, I, blockTilesRef(offsets.length - 1, O, I));
  const xRows = round(x, I, rowTilesRef(R, I), { powerOfTwo });
  const format = kind === "afterAttention" ? "e5m6" : "e4m3fn";
  const cached = round(x, I, rowTilesRef(R, I), { powerOfTwo, format });
  const backward = (dy: Float64Array): { x: Float64Array; weights: Float64Array } => {
    const gradients = { floor: GRADIENT_FLOOR, powerOfTwo: isCombined };
    const dyRows = round(dy, O, rowTilesRef(R, O), gradients);
    const dyColumns = round(isCombined ? dyRows : dy, O, columnTilesRef(offsets, O), gradients);
    const xColumns = round(cached, I, columnTilesRef(offsets, I), { powerOfTwo });
    const dx = dgrad(dyRows, w, { O, I, offsets });
    return {
      x: kind === "dispatched" && !exact ? dx.map(roundToBf16Ref) : dx,
      weights: wgrad(dyColumns, xColumns, { O, I, offsets }),
    };
  };
  const y = fprop(xRows, w, { O, I, offsets });
  return { y: isCombined && !exact ? y.map(roundToBf16Ref) : y, backward };
}

/**
 * A linear layer behind SwiGLU: y = W swiglu(z). Backward knows z alone, rounded in tiles, and computes SwiGLU again
 * (section 3.3.3). z [R, 2I], weights [E, O, I] -> y [R, O].
 */
export function fp8GatedLinearRef(
  z: Float64Array,
  weights: Float64Array,
  options: Fp8GatedLinearRefOptions,
): { y: Float64Array; backward(dy: Float64Array): { z: Float64Array; weights: Float64Array } } {
  const { combined = false, exact = false, hidden } = options;
  const { R, O, I, offsets, round } = layerOf(z.length / options.inFeatures / 2, weights, options);
  const w = round(weights, I, blockTilesRef(offsets.length - 1, O, I));
  const h = hidden?.forward ?? swigluRef(...halves(z, I));
  const y = fprop(round(h, I, rowTilesRef(R, I)), w, { O, I, offsets });
  const cached = round(z, 2 * I, rowTilesRef(R, 2 * I));
  const backward = (dy: Float64Array): { z: Float64Array; weights: Float64Array } => {
    const gradients = { floor: GRADIENT_FLOOR, powerOfTwo: combined };
    const dyRows = round(dy, O, rowTilesRef(R, O), gradients);
    const dyColumns = round(combined ? dyRows : dy, O, columnTilesRef(offsets, O), gradients);
    const again = hidden?.backward ?? swigluRef(...halves(cached, I));
    const hColumns = round(again, I, columnTilesRef(offsets, I));
    const { gate, up } = swigluBackwardRef(dgrad(dyRows, w, { O, I, offsets }), ...halves(cached, I));
    return { z: joined(gate, up, I), weights: wgrad(dyColumns, hColumns, { O, I, offsets }) };
  };
  return { y: combined && !exact ? y.map(roundToBf16Ref) : y, backward };
}

interface Product {
  readonly O: number;
  readonly I: number;
  readonly offsets: readonly number[];
}

/** Forward: y_r = W_e x_r for the rows r of group e. */
function fprop(x: Float64Array, w: Float64Array, product: Product): Float64Array {
  const { O, I } = product;
  const y = new Float64Array((x.length / I) * O);
  eachTerm(product, (row, o, weight) => {
    let sum = 0;
    for (let i = 0; i < I; i++) sum += x[row * I + i]! * w[weight + i]!;
    y[row * O + o] = sum;
  });
  return y;
}

/** Gradient of the input: dx_r = W_e^T dy_r. */
function dgrad(dy: Float64Array, w: Float64Array, product: Product): Float64Array {
  const { O, I } = product;
  const dx = new Float64Array((dy.length / O) * I);
  eachTerm(product, (row, o, weight) => {
    const factor = dy[row * O + o]!;
    for (let i = 0; i < I; i++) dx[row * I + i] = dx[row * I + i]! + factor * w[weight + i]!;
  });
  return dx;
}

/** Gradient of the weights: dW_e = sum over its rows of dy_r x_r^T. */
function wgrad(dy: Float64Array, x: Float64Array, product: Product): Float64Array {
  const { O, I, offsets } = product;
  const dw = new Float64Array((offsets.length - 1) * O * I);
  eachTerm(product, (row, o, weight) => {
    const factor = dy[row * O + o]!;
    for (let i = 0; i < I; i++) dw[weight + i] = dw[weight + i]! + factor * x[row * I + i]!;
  });
  return dw;
}

/** Each row with each output and the place of the weight's row. */
function eachTerm({ O, I, offsets }: Product, visit: (row: number, o: number, weight: number) => void): void {
  for (let e = 0; e + 1 < offsets.length; e++) {
    for (let row = offsets[e]!; row < offsets[e + 1]!; row++) {
      for (let o = 0; o < O; o++) visit(row, o, (e * O + o) * I);
    }
  }
}

function layerOf(R: number, weights: Float64Array, options: Fp8LinearRefOptions) {
  const { inFeatures: I, offsets = [0, R], exact = false, whole = false } = options;
  const O = weights.length / I / (offsets.length - 1);
  const round = (x: Float64Array, columns: number, tiles: TilesRef, how?: TileRoundingRef): Float64Array =>
    exact ? x : roundTilesRef(x, columns, whole ? wholeRef : tiles, how);
  return { R, O, I, offsets, round };
}

/** The columns [0, I) and [I, 2I). */
function halves(z: Float64Array, I: number): [gate: Float64Array, up: Float64Array] {
  return [z.filter((_, i) => i % (2 * I) < I), z.filter((_, i) => i % (2 * I) >= I)];
}

function joined(gate: Float64Array, up: Float64Array, I: number): Float64Array {
  const at = (i: number): number => Math.floor(i / (2 * I)) * I + (i % I);
  return Float64Array.from({ length: 2 * gate.length }, (_, i) => (i % (2 * I) < I ? gate : up)[at(i)]!);
}
