import { fp8Matmul, type QuantizedMatrix, quantize, type Tiling } from "@ds3/fp8";
import { type Fp8MatrixRef, fp8MatmulRef } from "@ds3/fp8/reference";
import { decodeFp8, type QuantizedArray, quantize as quantizeOnCpu } from "@ds3/fp8-codec";
import type { Gpu } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import type { Results } from "../topic.ts";
import { matrixShape } from "./fp8-tiles.ts";
import { codesOf, matrixFrom } from "./quantized-matrices.ts";

/** The operands of c = a b^T, and what their elements share scales by. */
const OPERANDS: Readonly<Record<"a" | "b", Tiling>> = { a: "row", b: "block" };

/** Products of a in tiles of a row with b in blocks, with scales of any f32 and with powers of two. */
export function addProducts(results: Results, gpu: Gpu, fixture: Fixture): void {
  for (const [scales, suffix] of [["f32", ""] as const, ["powerOfTwo", "_ue8m0"] as const]) {
    if (!fixture.names.includes(`c${suffix}`)) continue;
    const [onGpu, onCpu]: [QuantizedMatrix[], Fp8MatrixRef[]] = [[], []];
    for (const [name, tiling] of Object.entries(OPERANDS)) {
      const matrix = { name, shape: matrixShape(fixture, name), data: fixture.tensor(name).data as Float32Array };
      const quantized = quantizeOnCpu(matrix.data, matrix.shape, { tiling, scales });
      results.add(`${name}_scale${suffix}`, "quantize on the CPU", quantized.scales);
      results.add(`${name}_q${suffix}`, "quantize on the CPU", quantized.codes);
      onCpu.push(decodedMatrix(quantized));

      const x = gpu.tensor(matrix.data, [...matrix.shape], "f32", name);
      const own = quantize(x, { tiling, scales });
      results.add(`${name}_scale${suffix}`, "quantize", own.scales.data());
      if (scales === "f32") results.addDivided(`${name}_q`, "quantize", codesOf(own));
      else results.add(`${name}_q${suffix}`, "quantize", codesOf(own));
      // The fixture's own codes: the product is measured alone.
      const stored = { codes: `${name}_q${suffix}`, scales: `${name}_scale${suffix}`, format: "e4m3fn" as const };
      onGpu.push(matrixFrom(gpu, fixture, { ...stored, tiling }));
    }
    results.add(`c${suffix}`, "fp8Matmul of the given codes", fp8Matmul(onGpu[0]!, onGpu[1]!, { layout: "nt" }).data());
    results.add(`c${suffix}`, "fp8MatmulRef of quantize on the CPU", fp8MatmulRef(onCpu[0]!, onCpu[1]!, "nt"));
  }
}

function decodedMatrix({ tiling, rows, columns, codes, scales }: QuantizedArray<"e4m3fn">): Fp8MatrixRef {
  return {
    tiling,
    rows,
    columns,
    codes: Float64Array.from(decodeFp8(codes, "e4m3fn")),
    scales: Float64Array.from(scales),
  };
}
