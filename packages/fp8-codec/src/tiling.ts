import { ShapeError } from "@ds3/errors";
import { unknownName } from "./unknown-name.ts";

/** Elements that share a scale lie in stretches or squares of this side. */
export const TILE = 128;

/** Which elements share a scale: 1 x 128 of a row, 128 x 1 of a column, or 128 x 128. Borders have smaller tiles. */
export type Tiling = "row" | "column" | "block";

/** Rows and columns of a matrix stored row by row. */
export type MatrixShape = readonly [rows: number, columns: number];

/** Rows and columns that share a scale. */
const SIDES: Readonly<Record<Tiling, MatrixShape>> = { row: [1, TILE], column: [TILE, 1], block: [TILE, TILE] };

/**
 * The side lengths of tiles.
 * @throws ConfigError for a name that is no tiling.
 */
export function tileSides(tiling: Tiling): MatrixShape {
  if (Object.hasOwn(SIDES, tiling)) return SIDES[tiling];
  throw unknownName("fp8", "tiling", tiling, Object.keys(SIDES));
}

/** Shape of the scales: row [rows, ceil(columns / 128)], column [ceil(rows / 128), columns], block both divided. */
export function scalesShape([rows, columns]: MatrixShape, tiling: Tiling): MatrixShape {
  const [high, wide] = tileSides(tiling);
  return [Math.ceil(rows / high), Math.ceil(columns / wide)];
}

/** Refuses a length that is not the shape's number of elements. */
export function checkLength(op: string, operand: string, length: number, [rows, columns]: MatrixShape): void {
  const count = rows * columns;
  if (Number.isSafeInteger(count) && rows >= 0 && columns >= 0 && length === count) return;
  const expected = `${count} elements of [${rows}, ${columns}]`;
  const hint = "Give rows and columns of the matrix, one element for each; scales have one for each tile.";
  throw new ShapeError({ op, operand, expected, actual: `${length} elements`, hint });
}

/** Which tile an element is in: tile = (row >> rowShift) * across + (column >> columnShift). */
export interface TileIndex {
  readonly rowShift: number;
  readonly columnShift: number;
  /** Tiles side by side. */
  readonly across: number;
}

/** Shifts instead of divisions, for loops over elements. */
export function tileIndex(shape: MatrixShape, tiling: Tiling): TileIndex {
  const [high, wide] = tileSides(tiling);
  return { rowShift: Math.log2(high), columnShift: Math.log2(wide), across: scalesShape(shape, tiling)[1] };
}
