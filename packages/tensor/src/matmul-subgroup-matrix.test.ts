/**
 * No software adapter has subgroup matrices. Here the kernel's text runs with each matrix instruction replaced by plain
 * loops that every lane goes through, as the extension defines them: this proves tiles, edges, offsets, strides and the
 * order of rows and columns, on any adapter. That the text itself is valid is a matter for the null backend.
 */
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { roundToF16Ref } from "./cast.ref.ts";
import { cast } from "./cast.ts";
import { FeatureError } from "./errors.ts";
import type { Kernel } from "./kernel.ts";
import { matmulRef } from "./matmul.ref.ts";
import { planMatmul } from "./matmul-plan.ts";
import { matmulSubgroupMatrixWgsl, type SubgroupMatrixParams } from "./matmul-subgroup-matrix.wgsl.ts";

const device = useTestGpu();
const LANES = 8;

/** Functions take pointers, and loops have bounds unknown to the driver: copies and unrolled loops compile for minutes. */
function emulate({ wgsl, ...kernel }: Kernel, { matrix: { M, N, K, component } }: SubgroupMatrixParams): Kernel {
  const text = wgsl
    .replace(/enable (subgroups|chromium_experimental_subgroup_matrix);\n/g, "")
    .replace(
      /,\s+@builtin\(subgroup_id\) subgroup: u32, @builtin\(subgroup_invocation_id\) member: u32\) {/,
      `) {\n  let subgroup = lane / ${LANES}u;\n  let member = lane % ${LANES}u;`,
    )
    .replace(
      /let (\w+) = subgroupMatrixLoad<subgroup_matrix_(left|right)<[^>]*>, (\w+)>\(&tile[AB], /g,
      (_, name, side, order) =>
        `var ${name}: array<f32, ${side === "left" ? M * K : K * N}>; ${side}_${order}(&${name}, `,
    )
    .replace(/(\w+) = subgroupMatrixMultiplyAccumulate\((\w+), (\w+), \1\)/g, "multiplyAccumulate(&$2, &$3, &$1)")
    .replace(/subgroupMatrixStore<row_major>\(&results, (.*), (\w+), /g, "storeResult($1, &$2, ")
    .replace(/subgroup_matrix_result<f32, \d+, \d+>/g, `array<f32, ${M * N}>`);
  expect(text).not.toMatch(/subgroup_matrix|subgroupMatrix|subgroup_/);
  const features = component === "f16" ? ["shader-f16"] : [];
  return { ...kernel, label: `${kernel.label} emulated`, wgsl: `${text}${helpers(M, N, K)}`, features };
}

function helpers(M: number, N: number, K: number): string {
  const matrix = (name: string, size: number): string => `${name}: ptr<function, array<f32, ${size}>>`;
  const loop = (i: string, end: number): string => `for (var ${i} = 0u; ${i} < ${end}u * one(); ${i}++)`;
  const load = (side: string, tile: string, order: string, rows: number, columns: number): string => `
fn ${side}_${order}(${matrix("to", rows * columns)}, at: u32, stride: u32) {
  ${loop("r", rows)} { ${loop("c", columns)} {
    (*to)[r * ${columns}u + c] = f32(${tile}[at + ${order === "row_major" ? "r * stride + c" : "c * stride + r"}]);
  } }
}`;
  return `
fn one() -> u32 { return min(u.N, 1u); }
fn multiplyAccumulate(${matrix("a", M * K)}, ${matrix("b", K * N)}, ${matrix("c", M * N)}) {
  ${loop("m", M)} { ${loop("n", N)} { ${loop("k", K)} {
    (*c)[m * ${N}u + n] += (*a)[m * ${K}u + k] * (*b)[k * ${N}u + n];
  } } }
}
fn storeResult(at: u32, ${matrix("c", M * N)}, stride: u32) {
  ${loop("m", M)} { ${loop("n", N)} { results[at + m * stride + n] = (*c)[m * ${N}u + n]; } }
}
${["row_major", "col_major"].map((order) => load("left", "tileA", order, M, K) + load("right", "tileB", order, K, N)).join("")}`;
}

// Every compile takes seconds: each layout with one type, one kind of load.
test.each([
  { layout: "nt", type: "f16", vector: true, M: 40, N: 20, K: 20 },
  { layout: "nn", type: "f32", vector: false, M: 33, N: 35, K: 13 },
  { layout: "tn", type: "f32", vector: true, M: 36, N: 20, K: 13 },
] as const)("$layout $type: ragged tiles, several rows of them a workgroup, accumulation", async (testCase) => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const { layout, vector, M, N, K } = testCase;
  const component = gpu.target.f16 ? testCase.type : "f32";
  const params: SubgroupMatrixParams = {
    ...{ layout, vector, tileM: 32, tileN: 16, tileK: 8, subgroupsDown: 1, subgroupsAcross: 2, subgroupSize: LANES },
    ...{ dtypeA: component, dtypeB: component, matrix: { M: 16, N: 8, K: 8, component, result: "f32" } },
  };
  const kernel = emulate(matmulSubgroupMatrixWgsl(params), params);
  const [a, b, c] = [normals(M * K, 1), normals(K * N, 2), normals(M * N, 3)].map((v) => v.map(roundToF16Ref));
  const A = cast(gpu.tensor(a!, layout === "tn" ? [K, M] : [M, K]), component);
  const B = cast(gpu.tensor(b!, layout === "nt" ? [N, K] : [K, N]), component);
  const C = gpu.tensor(c!, [M, N]);
  const shape = { layout, M, N, K, dtypeA: component, dtypeB: component, alpha: 0.5, accumulate: true };
  const { uniforms } = planMatmul({ software: true, subgroupSize: 0 }, shape);
  gpu.dispatch(kernel, { A, B, C }, { ...uniforms, rowsPerGroup: M }, [Math.ceil(N / 16), 1, 1]);
  const product = matmulRef(a!, b!, { m: M, n: N, k: K, transposeA: layout === "tn", transposeB: layout === "nt" });
  const want = product.map((sum, i) => 0.5 * sum + c![i]!);
  expectNear("C", await C.data(), want, [M, N], 3e-6);
});

test("a device without a kernel's features refuses it by name", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const matrix = { M: 8, N: 8, K: 8, component: "f16", result: "f32" } as const;
  const tile = { tileM: 16, tileN: 16, tileK: 8, subgroupsDown: 1, subgroupsAcross: 1, subgroupSize: 32 };
  const kernel = matmulSubgroupMatrixWgsl({ layout: "nn", vector: false, matrix, ...tile });
  const needs = ["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"];
  expect(kernel.features).toEqual(needs);
  const operands = Object.fromEntries(["A", "B", "C"].map((name) => [name, gpu.zeros([4])]));
  const uniforms = Object.fromEntries(kernel.uniforms.map(([name]) => [name, 0]));
  const asked = { ...kernel, label: "needs more", features: ["time-travel"] };
  expect(() => gpu.dispatch(asked, operands, uniforms, [1])).toThrow(FeatureError);
  expect(() => gpu.dispatch(asked, operands, uniforms, [1])).toThrow(
    /^dispatch: kernel "needs more": expected a device with time-travel, got .*\. Leave the choice of kernels to the op/,
  );
});
