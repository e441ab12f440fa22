import type { Batch } from "../create-batches.ts";
import { IGNORED_TARGET } from "../fill-row.ts";
import type { LoaderSettings } from "./loader-options.ts";
import type { RowPiece } from "./row-plan.ts";
import type { ShardGroup } from "./shard-group.ts";

/** A document's part of a row's T + L tokens: from `from` to before `to`. */
interface Segment {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

/** A batch that is filled row by row; rows that are not filled stay padding. */
export class BatchBuilder {
  readonly #settings: LoaderSettings;
  readonly #inputs: Int32Array;
  readonly #tokens: Int32Array;
  readonly #targetsByDepth: readonly Int32Array[];
  readonly #positions: Int32Array | undefined;
  readonly #documentIds: Int32Array | undefined;
  readonly #weights: Float32Array | undefined;
  #row = 0;
  #targetCount = 0;

  constructor(settings: LoaderSettings) {
    const { batchSize: B, sequenceLength: T, lookahead: L, padId, documentMask, index } = settings;
    this.#settings = settings;
    this.#inputs = new Int32Array(B * T).fill(padId);
    this.#tokens = new Int32Array(B * (T + L)).fill(padId);
    this.#targetsByDepth = Array.from({ length: L }, () => new Int32Array(B * T).fill(IGNORED_TARGET));
    this.#positions = documentMask ? new Int32Array(B * T) : undefined;
    this.#documentIds = documentMask ? new Int32Array(B * T) : undefined;
    this.#weights = index.shards.some(({ weighted }) => weighted) ? new Float32Array(B * T) : undefined;
  }

  /** Fill the next row. */
  add(group: ShardGroup, pieces: readonly RowPiece[]): void {
    const { sequenceLength: T, lookahead: L } = this.#settings;
    const [row, at] = [this.#row++, this.#tokens.subarray((this.#row - 1) * (T + L), this.#row * (T + L))];
    const segments: Segment[] = [];
    let filled = 0;
    for (const { document, offset, length } of pieces) {
      group.copy(document, offset, length, at, filled);
      segments.push({ from: filled, to: filled + length, weight: group.weights?.[document] ?? 1 });
      filled += length;
    }
    this.#inputs.set(at.subarray(0, Math.min(filled, T)), row * T);
    this.#fillTargets(row, at, this.#settings.documentMask ? segments : [{ from: 0, to: filled }]);
    this.#fillSegments(row, segments, filled);
  }

  finish(): Batch {
    const { documentMask } = this.#settings;
    return {
      inputs: this.#inputs,
      targets: this.#targetsByDepth[0]!,
      targetsByDepth: this.#targetsByDepth,
      tokens: this.#tokens,
      ...(documentMask ? { positions: this.#positions!, documentIds: this.#documentIds! } : {}),
      ...(this.#weights ? { weights: this.#weights } : {}),
      targetCount: this.#targetCount,
    };
  }

  /** Depth k of an input is the token k + 1 places on, where that lies in the same segment. */
  #fillTargets(row: number, tokens: Int32Array, segments: readonly Pick<Segment, "from" | "to">[]): void {
    const T = this.#settings.sequenceLength;
    for (const { from, to } of segments) {
      if (from >= T) return;
      this.#targetsByDepth.forEach((targets, depth) => {
        const end = Math.min(to, T + depth + 1);
        if (end > from + depth + 1) targets.set(tokens.subarray(from + depth + 1, end), row * T + from);
      });
      this.#targetCount += Math.max(0, Math.min(to, T + 1) - from - 1);
    }
  }

  /** Weights, positions and document numbers; padding is a document of its own, of weight 0. */
  #fillSegments(row: number, segments: readonly Segment[], filled: number): void {
    const T = this.#settings.sequenceLength;
    const padded = filled < T ? [...segments, { from: filled, to: T, weight: 0 }] : segments;
    padded.forEach(({ from, to, weight }, segment) => {
      const [start, end] = [row * T + from, row * T + Math.min(to, T)];
      this.#weights?.fill(weight, start, end);
      this.#documentIds?.fill(segment, start, end);
      for (let i = start; this.#positions && i < end; i++) this.#positions[i] = i - start;
    });
  }
}
