export { type QuantizedMatrix, TILE, type Tiling } from "./quantized-matrix.ts";
