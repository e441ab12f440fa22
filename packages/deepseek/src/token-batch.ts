import { OutOfRangeError, ShapeError } from "@ds3/errors";

/** `batch` rows of `length` token ids. */
export interface TokenBatch {
  /** [batch x length] */
  readonly inputs: Int32Array;
  readonly batch: number;
  readonly length: number;
  /** [batch x length] position of each token; default 0, 1, ... in each row. */
  readonly positions?: Int32Array;
  /** [batch x length] document of each token within its row; tokens attend within their own only. */
  readonly documentIds?: Int32Array;
}

/** A batch with what it should predict. */
export interface TrainingBatch extends TokenBatch {
  /** [batch x length] the token after each input, or -100: not counted. */
  readonly targets: Int32Array;
  /** [batch x length] how much each target counts in the losses of tokens, finite and >= 0. Default: 1 each. */
  readonly weights?: Float32Array;
}

/** Refuses a batch whose arrays are not of its size. @throws ShapeError naming the array. */
export function assertTokenBatch({ batch, length, inputs, positions, documentIds }: TokenBatch): void {
  const rows = batch * length;
  for (const [operand, size] of Object.entries({ batch, length })) {
    if (Number.isInteger(size) && size >= 1) continue;
    throw new ShapeError({ op: "deepseek", operand, expected: "an integer >= 1", actual: `${size}` });
  }
  for (const [operand, data] of Object.entries({ inputs, positions, documentIds })) {
    if (!data || data.length === rows) continue;
    const expected = `batch x length = ${rows} values`;
    throw new ShapeError({ op: "deepseek", operand, expected, actual: `${data.length}` });
  }
}

/** Refuses rows that a batch does not have. @throws OutOfRangeError naming the row. */
export function assertRows(rows: Int32Array, { batch, length }: TokenBatch): void {
  const at = rows.findIndex((row) => row < 0 || row >= batch * length);
  if (at < 0) return;
  const expected = `0 <= row < batch x length = ${batch * length}`;
  throw new OutOfRangeError({ op: "deepseek", operand: `rows[${at}]`, expected, actual: `${rows[at]}` });
}

/** Index of the first token of each token's document, within its row. */
export function documentStarts(documentIds: Int32Array, length: number): Uint32Array {
  const starts = new Uint32Array(documentIds.length);
  for (let i = 0; i < documentIds.length; i++) {
    const t = i % length;
    starts[i] = t > 0 && documentIds[i] === documentIds[i - 1] ? starts[i - 1]! : t;
  }
  return starts;
}

/** The first `length` tokens of each row. */
export function firstTokens(tokens: TokenBatch, length: number): TokenBatch {
  const { batch, length: from, inputs, positions, documentIds } = tokens;
  const cut = (data: Int32Array): Int32Array =>
    Int32Array.from({ length: batch * length }, (_, i) => data[Math.floor(i / length) * from + (i % length)]!);
  const optional = {
    ...(positions ? { positions: cut(positions) } : {}),
    ...(documentIds ? { documentIds: cut(documentIds) } : {}),
  };
  return { batch, length, inputs: cut(inputs), ...optional };
}
