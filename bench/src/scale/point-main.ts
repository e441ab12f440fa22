/*
 * One point in a process of its own, so that its memory is its own: `point-main.ts SIZE LENGTH CHECKPOINT` prints one line
 * of JSON, `{ cost }` or `{ refusal }`, the named error of a size that the adapter has no room for.
 */
import { Ds3Error } from "@ds3/errors";
import { measurePoint } from "./measure-point.ts";
import type { ScalePoint } from "./scale-points.ts";

const [size, length, checkpoint] = process.argv.slice(2);
const point = { size, length: Number(length), checkpoint } as ScalePoint;
try {
  console.log(JSON.stringify({ cost: await measurePoint(point) }));
} catch (error) {
  if (!(error instanceof Error && Ds3Error.is(error))) throw error;
  console.log(JSON.stringify({ refusal: `${error.name}: ${error.message}` }));
}
