/** Sizes and masking of {@link causalAttentionRef}. */
export interface CausalAttentionShape {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  /** Elements of a query or key head. */
  readonly qkDim: number;
  /** Elements of a value head; may differ from qkDim. */
  readonly vDim: number;
  /** Factor of the logits. */
  readonly scale: number;
  /** [B, T]: a query sees only keys of its own document. */
  readonly documents?: ArrayLike<number>;
}

/**
 * Causal softmax attention in f64, from the definition: row i of head h is sum_j softmax_j(scale q_i k_j) v_j, j <= i.
 *
 * q and k [B, T, N, qkDim], v [B, T, N, vDim]; returns out [B, T, N, vDim] and the probabilities [B, N, T, T].
 */
export function causalAttentionRef(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  shape: CausalAttentionShape,
): { out: Float64Array; probabilities: Float64Array } {
  const { batch: B, length: T, heads: N, qkDim, vDim, scale } = shape;
  const out = new Float64Array(B * T * N * vDim);
  const probabilities = new Float64Array(B * N * T * T);
  for (const { query, key, row, j } of visible(shape)) {
    let logit = 0;
    for (let d = 0; d < qkDim; d++) logit += q[query * qkDim + d] * k[key * qkDim + d];
    probabilities[row + j] = scale * logit;
  }
  softmaxRows(probabilities, shape);
  for (const { query, key, row, j } of visible(shape)) {
    for (let d = 0; d < vDim; d++) out[query * vDim + d] += probabilities[row + j] * v[key * vDim + d];
  }
  return { out, probabilities };
}

/**
 * Gradients of {@link causalAttentionRef}. With dP_ij = dO_i v_j and delta_i = sum_j P_ij dP_ij:
 * dq_i = scale sum_j P_ij (dP_ij - delta_i) k_j, dk_j the same with q_i, dv_j = sum_i P_ij dO_i.
 */
export function causalAttentionBackwardRef(
  gradOut: Float64Array,
  inputs: { readonly q: Float64Array; readonly k: Float64Array; readonly v: Float64Array },
  probabilities: Float64Array,
  shape: CausalAttentionShape,
): { q: Float64Array; k: Float64Array; v: Float64Array } {
  const { qkDim, vDim, scale } = shape;
  const { q, k, v } = inputs;
  const grads = { q: new Float64Array(q.length), k: new Float64Array(k.length), v: new Float64Array(v.length) };
  const gradP = new Float64Array(probabilities.length);
  const delta = new Float64Array(q.length / qkDim);
  for (const { query, key, row, j } of visible(shape)) {
    const p = probabilities[row + j];
    for (let d = 0; d < vDim; d++) {
      gradP[row + j] += gradOut[query * vDim + d] * v[key * vDim + d];
      grads.v[key * vDim + d] += p * gradOut[query * vDim + d];
    }
    delta[query] += p * gradP[row + j];
  }
  for (const { query, key, row, j } of visible(shape)) {
    const gradLogit = scale * probabilities[row + j] * (gradP[row + j] - delta[query]);
    for (let d = 0; d < qkDim; d++) {
      grads.q[query * qkDim + d] += gradLogit * k[key * qkDim + d];
      grads.k[key * qkDim + d] += gradLogit * q[query * qkDim + d];
    }
  }
  return grads;
}

interface VisiblePair {
  /** Row of q and out, counted over batch, length and heads. */
  query: number;
  /** Row of k and v. */
  key: number;
  /** Where the query's row of probabilities starts. */
  row: number;
  /** The key's position. */
  j: number;
}

/** Every (query, key) pair that the causal mask and the documents leave. */
function* visible({ batch, length: T, heads: N, documents }: CausalAttentionShape): Generator<VisiblePair> {
  const pair: VisiblePair = { query: 0, key: 0, row: 0, j: 0 };
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < T; i++) {
      for (let j = 0; j <= i; j++) {
        if (documents !== undefined && documents[b * T + i] !== documents[b * T + j]) continue;
        for (let n = 0; n < N; n++) {
          pair.query = (b * T + i) * N + n;
          pair.key = (b * T + j) * N + n;
          pair.row = ((b * N + n) * T + i) * T;
          pair.j = j;
          yield pair;
        }
      }
    }
  }
}

/** Softmax over the visible entries of each row, in place; the others stay 0. */
function softmaxRows(probabilities: Float64Array, shape: CausalAttentionShape): void {
  const rows = shape.batch * shape.heads * shape.length;
  const largest = new Float64Array(rows).fill(Number.NEGATIVE_INFINITY);
  const total = new Float64Array(rows);
  const T = shape.length;
  for (const { row, j } of visible(shape)) largest[row / T] = Math.max(largest[row / T], probabilities[row + j]);
  for (const { row, j } of visible(shape)) {
    probabilities[row + j] = Math.exp(probabilities[row + j] - largest[row / T]);
    total[row / T] += probabilities[row + j];
  }
  for (const { row, j } of visible(shape)) probabilities[row + j] /= total[row / T];
}
