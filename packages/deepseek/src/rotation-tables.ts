import { OutOfRangeError } from "@ds3/errors";
import { createRotation, type MlaConfig } from "@ds3/mla";
import type { Gpu, RotaryAngles, Tensor } from "@ds3/tensor";

/** Rotation tables that grow with the positions asked for, up to maxPositionEmbeddings, and uploaded position rows. */
export interface RotationTables {
  /** Angles of `batch` rows of `length` tokens at positions first, first + 1, ... */
  consecutive(batch: number, length: number, first?: number): RotaryAngles;
  /** Angles of given positions. */
  at(positions: Int32Array): RotaryAngles;
  /** Angles of positions that are on the GPU already, i32 [T], all below `limit`. */
  of(positions: Tensor, limit: number): RotaryAngles;
}

/** Tables start with so many positions. */
const LEAST_POSITIONS = 256;

/**
 * Creates tables for a model. They belong to the scope that is open at the call; rows of consecutive positions are
 * uploaded once for each batch and length.
 */
export function createRotationTables(
  gpu: Gpu,
  config: MlaConfig & { readonly maxPositionEmbeddings: number },
): RotationTables {
  const owner = gpu.currentScope;
  let table: { readonly cos: Tensor; readonly sin: Tensor; readonly length: number } | undefined;
  const rows = new Map<string, Tensor>();
  const cover = (positions: number): { cos: Tensor; sin: Tensor } => {
    if (positions > config.maxPositionEmbeddings) throw tooLong(positions, config.maxPositionEmbeddings);
    if (!table || table.length < positions) {
      const length = Math.min(
        config.maxPositionEmbeddings,
        Math.max(LEAST_POSITIONS, 2 ** Math.ceil(Math.log2(positions))),
      );
      const old = table;
      table = { ...owner.own(() => createRotation(gpu, config, length)), length };
      if (old) for (const tensor of [old.cos, old.sin]) gpu.free(tensor);
    }
    return { cos: table.cos, sin: table.sin };
  };
  return {
    consecutive(batch, length, first = 0) {
      const key = `${batch} ${length} ${first}`;
      const known = rows.get(key);
      const data = (): Int32Array => Int32Array.from({ length: batch * length }, (_, i) => first + (i % length));
      const positions = known ?? owner.own(() => gpu.tensor(data(), [batch * length], "i32", "positions"));
      rows.set(key, positions);
      return { ...cover(first + length), positions };
    },
    at: (positions) => ({
      ...cover(positions.reduce((largest, p) => Math.max(largest, p), 0) + 1),
      positions: gpu.tensor(positions, [positions.length], "i32", "positions"),
    }),
    of: (positions, limit) => ({ ...cover(limit), positions }),
  };
}

function tooLong(positions: number, limit: number): OutOfRangeError {
  return new OutOfRangeError({
    op: "rotation",
    operand: "positions",
    expected: `at most maxPositionEmbeddings = ${limit}`,
    actual: `${positions}`,
    hint: "Shorten the sequence, or raise max_position_embeddings in the config.",
  });
}
