import { defineKernel, type Kernel } from "./kernel.ts";
import { eachIndex, indent, type MapParams, mapLabel, rowMain, rowUniforms } from "./row-kernel.ts";

/** Columns that a lane sums at a time. */
const LANE_COLUMNS = 4;

/** y [T, D] = rows of weight [V, D]; ids [T] are the first elements of `table`. */
export function embeddingWgsl(params: MapParams): Kernel {
  const { lanes } = params;
  return defineKernel({
    label: `embedding ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, D: "u32" },
    reads: { weight: "f32", table: "i32" },
    writes: { y: "f32" },
    body: rowMain(
      lanes,
      `let source = u32(table[row]) * u.D;
let destination = row * u.D;
${eachIndex(lanes, "0u", "u.D", (c) => `y[destination + ${c}] = weight[source + ${c}];`)}`,
    ),
  });
}

/**
 * dweight[id] += sum over the positions of id of dy, one row here for each distinct id. dy [T, D], dweight [V, D].
 * table: from element T on the T positions sorted by id, then the distinct ids' first places in them and T, then the
 * distinct ids themselves.
 */
export function embeddingGradientWgsl({ lanes }: MapParams): Kernel {
  const columns = Array.from({ length: LANE_COLUMNS }, (_, j) => j);
  const lines = (line: (j: number) => string): string => indent(columns.map(line).join("\n"), 2);
  return defineKernel({
    label: `embedding dweight lanes=${lanes}`,
    uniforms: { ...rowUniforms, T: "u32", D: "u32" },
    reads: { dy: "f32", table: "i32" },
    writes: { dweight: "f32" },
    body: rowMain(
      lanes,
      `let starts = 2u * u.T;
let begin = u.T + u32(table[starts + row]);
let end = u.T + u32(table[starts + row + 1u]);
let destination = u32(table[starts + u.rows + 1u + row]) * u.D;
for (var column = lane; column < u.D; column += ${lanes * LANE_COLUMNS}u) {
${lines((j) => `let n${j} = min(column + ${j * lanes}u, u.D - 1u);\nvar s${j} = 0.0;`)}
  for (var place = begin; place < end; place++) {
    let source = u32(table[place]) * u.D;
  ${lines((j) => `s${j} += dy[source + n${j}];`)}
  }
${lines((j) => `if (column + ${j * lanes}u < u.D) { dweight[destination + n${j}] += s${j}; }`)}
}`,
    ),
  });
}
