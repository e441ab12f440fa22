/*
 * Buffers for communication: what DeepSeek-V3 sends to the experts is quantised before it leaves (report, section 3.4), in
 * tiles of 1 x 128 with scales of powers of two. One tensor holds all, row by row, so that any rows can be sent apart.
 */
import type { CodeFormat, ScaleRounding } from "@ds3/fp8-codec";
import { flatGrid, type Tensor } from "@ds3/tensor";
import { decodeRows, lanesOf } from "./dequantize.ts";
import { checkNames, checkWords, leading, rowWords, tilesOf } from "./matrix-parts.ts";
import { packTilesWgsl } from "./pack-tiles.wgsl.ts";
import { quantize } from "./quantize.ts";

/** What both ends of a transfer must agree on. */
export interface PackedFormat {
  /** Default `e4m3fn`. */
  readonly format?: CodeFormat;
  /** `powerOfTwo` (default): UE8M0 bytes, four a word. `f32`: a word each. */
  readonly scales?: ScaleRounding;
}

/** Options of `packTiles`. */
export interface PackTilesOptions extends PackedFormat {
  /** As in `quantize`; default 1e-4. */
  readonly floor?: number;
}

/**
 * x f32 [..., C] in row tiles, as one tensor u32 [rows, words]: a row's codes, then its scales. See `packedWords`. Not
 * recorded on tapes. Cost: two dispatches.
 *
 * @throws as `quantize`.
 */
export function packTiles(x: Tensor, options: PackTilesOptions = {}): Tensor {
  const { format = "e4m3fn", scales: kind = "powerOfTwo", floor = 1e-4 } = options;
  checkNames("packTiles", { format, scales: kind });
  const { gpu } = x;
  const matrix = quantize(x, { tiling: "row", format, scales: kind, floor });
  const { rows, columns, codes, scales } = matrix;
  const buffer = gpu.empty([rows, packedWords(columns, { format, scales: kind })], "u32", "packed tiles");
  const uniforms = { rows, codeWords: codes.shape[1]!, tiles: tilesOf(columns) };
  gpu.dispatch(
    packTilesWgsl({ scales: kind, lanes: lanesOf(gpu.target) }),
    { codes, scales, buffer },
    uniforms,
    flatGrid(rows, 1),
  );
  gpu.free(codes);
  gpu.free(scales);
  return buffer;
}

/**
 * The values of what `packTiles` made, or of some of its rows: u32 [rows, words] -> f32 [rows, columns]. Not recorded on
 * tapes. Cost: one dispatch.
 *
 * @throws ConfigError for an unknown name; DtypeError unless buffer is u32; ShapeError unless its rows have the words of
 * so many columns.
 */
export function unpackTiles(buffer: Tensor, columns: number, packed: PackedFormat = {}): Tensor {
  const { format = "e4m3fn", scales = "powerOfTwo" } = packed;
  checkNames("unpackTiles", { format, scales });
  const meaning = `of ${columns} ${format} codes and their ${scales === "f32" ? "f32" : "UE8M0"} scales`;
  checkWords("unpackTiles", "buffer", buffer, packedWords(columns, packed), meaning);
  const out = buffer.gpu.empty([leading(buffer.shape), columns], "f32", "unpackTiles");
  const tiling = scales === "f32" ? "words" : "bytes";
  decodeRows({ format, tiling }, { codes: buffer, out }, { rows: leading(buffer.shape), columns });
  return out;
}

/** Words of a row of `columns` elements in a buffer of `packTiles`. @throws ConfigError for an unknown name. */
export function packedWords(columns: number, { format = "e4m3fn", scales = "powerOfTwo" }: PackedFormat = {}): number {
  checkNames("packedWords", { format, scales });
  const tiles = tilesOf(columns);
  return rowWords(format, columns) + (scales === "f32" ? tiles : Math.ceil(tiles / 4));
}
