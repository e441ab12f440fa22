import { normals, testGpuOptions } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { KernelTableError } from "./errors.ts";
import { flashAttention } from "./flash-attention.ts";
import { FLASH_VARIANTS, type FlashShape, flashVariantsFor, planFlashForward } from "./flash-attention-plan.ts";
import { type KernelRequest, kernelClass } from "./kernel-request.ts";
import {
  assertKernelTable,
  KERNEL_TABLE_VERSION,
  type KernelTable,
  kernelTableFingerprint,
  parseKernelTable,
  serializeKernelTable,
} from "./kernel-table.ts";
import { matmul } from "./matmul.ts";
import { matmulVariant, planGroupedMatmul, planMatmul } from "./matmul-plan.ts";
import { MATMUL_VARIANTS, type MatmulRequest, variantsFor } from "./matmul-variants.ts";
import { openGpu } from "./open-gpu.ts";
import type { KernelTarget } from "./target.ts";

const software: KernelTarget = { software: true, subgroupSize: 8 };
const request: MatmulRequest = {
  ...{ layout: "nt", grouped: "none", M: 1000, N: 80, K: 256, batch: 1, dtypeA: "f32", dtypeB: "f32" },
};
const flash: FlashShape = {
  ...{ B: 4, T: 256, S: 256, N: 8, headDimQk: 48, headDimV: 32, scale: 1, keyOffset: 0, documents: false },
};
const matmulClass = (change: Partial<MatmulRequest> = {}): string =>
  kernelClass({ op: "matmul", ...request, ...change });
const tableOf = (entries: Record<string, string>, adapter = "any"): KernelTable => ({
  ...{ version: KERNEL_TABLE_VERSION, adapter, entries },
});

describe("shape classes", () => {
  test("neighbours share one, what shapes the code does not", () => {
    expect(matmulClass()).toBe("matmul nt M=1024 N=96 K=256");
    expect(matmulClass({ M: 513, N: 96, K: 129 })).toBe(matmulClass());
    const others: Partial<MatmulRequest>[] = [
      ...[{ M: 512 }, { M: 1025 }, { N: 97 }, { N: 64 }, { K: 257 }, { K: 128 }, { batch: 2 }],
      ...[{ layout: "nn" as const }, { grouped: "rows" as const }, { dtypeA: "f16" as const }, { groups: 8 }],
    ];
    const classes = others.map(matmulClass);
    expect(new Set([matmulClass(), ...classes]).size).toBe(classes.length + 1);
  });

  test("columns go by half octaves from 8 on, all else by octaves; zero and one are apart", () => {
    const of = (key: "M" | "N", sizes: number[]): string[] =>
      sizes.map((size) => matmulClass({ [key]: size }).split(" ")[key === "M" ? 2 : 3]!);
    expect(of("N", [0, 1, 8, 9, 12, 13, 33, 48, 49])).toEqual(
      [0, 8, 8, 12, 12, 16, 48, 48, 64].map((size) => `N=${size}`),
    );
    expect(of("M", [0, 1, 2, 3, 4, 5, 4096, 4097])).toEqual([0, 1, 2, 4, 4, 8, 4096, 8192].map((size) => `M=${size}`));
  });

  test("attention: head sizes exactly, lengths and pairs by octaves, documents not at all", () => {
    const of = (change: Partial<FlashShape>): string => kernelClass({ op: "flash-forward", ...flash, ...change });
    expect(of({})).toBe("flash-forward heads=48/32 T=256 S=256 x32");
    expect(of({ documents: true, T: 200, B: 3, scale: 2 })).toBe(of({}));
    expect(new Set([of({}), of({ headDimV: 48 }), of({ T: 257 }), of({ S: 512 }), of({ B: 5 })]).size).toBe(5);
  });
});

describe("tables", () => {
  const entries = { [matmulClass()]: "panel-8x128", "flash-forward heads=48/32 T=256 S=256 x32": "rows-4" };

  test("text and fingerprint depend on the choices alone; parsing gives back what was written", () => {
    const table = tableOf(entries);
    const reversed = tableOf(Object.fromEntries(Object.entries(entries).reverse()));
    expect(serializeKernelTable(reversed)).toBe(serializeKernelTable(table));
    expect(parseKernelTable(serializeKernelTable(table))).toEqual(table);
    expect(kernelTableFingerprint(reversed)).toBe(kernelTableFingerprint(table));
    expect(kernelTableFingerprint(table)).toMatch(/^[0-9a-f]{16}$/);
    const others = [tableOf(entries, "other"), tableOf({}), tableOf({ [matmulClass()]: "panel-8x64" })];
    expect(new Set([table, ...others].map(kernelTableFingerprint)).size).toBe(4);
  });

  test.each([
    ["not JSON", "{", /table: expected JSON/],
    ["no object", [], /table: expected an object/],
    ["another version", { ...tableOf({}), version: 99 }, /version: expected 1, got 99/],
    ["no adapter", { version: 1, entries: {} }, /adapter: expected the name of an adapter, got undefined/],
    ["entries as a list", { version: 1, adapter: "a", entries: [] }, /entries: expected an object/],
    ["an unknown op", tableOf({ "softmax T=1": "rows-8" }), /expected a class of one of matmul, flash-forward/],
    ["an unknown variant", tableOf({ [matmulClass()]: "panel-8x63" }), /panel-8x64, .*got "panel-8x63".*Did you mean/],
    ["another op's variant", tableOf({ [matmulClass()]: "rows-8" }), /expected a kernel of this release: matvec/],
    ["no text", tableOf({ [matmulClass()]: 8 as unknown as string }), /got 8/],
  ])("refuses %s", (_, source, message) => {
    const parse = (): unknown => parseKernelTable(source);
    expect(parse).toThrow(KernelTableError);
    expect(parse).toThrow(message);
  });

  test("another adapter's is refused with what to do", () => {
    expect(assertKernelTable(tableOf(entries, "here"), "here")).toEqual(tableOf(entries, "here"));
    expect(() => assertKernelTable(tableOf(entries, "there"), "here")).toThrow(
      /measured on here, got one of there.*tune/,
    );
  });
});

describe("the choice", () => {
  const withEntry = (target: KernelTarget, key: string, id: string): KernelTarget => ({
    ...target,
    table: tableOf({ [key]: id }),
  });

  test.each(MATMUL_VARIANTS.map(({ id }) => id))("takes %s where the table says so and it can run", (id) => {
    const shape = { layout: "nt", M: id === "matvec" ? 1 : 1000, N: 80, K: 256 } as const;
    const key = matmulClass(shape);
    const chosen = planMatmul(withEntry(software, key, id), shape).kernel;
    const spec = variantsFor(software, { ...request, ...shape }).find((one) => one.id === id);
    // What cannot run on this target, or serves other dtypes, leaves the default.
    const expected = spec?.build(software, { ...request, ...shape }).kernel ?? planMatmul(software, shape).kernel;
    expect(chosen).toBe(expected);
    expect(planMatmul(withEntry(software, key, id), { ...shape, N: 400 }).kernel).toBe(
      planMatmul(software, { ...shape, N: 400 }).kernel,
    );
  });

  test("a variant that does not serve the request or run here leaves the default", () => {
    const many = withEntry(software, matmulClass(), "matvec");
    expect(matmulVariant(many, request)).toEqual(matmulVariant(software, request));
    const hardware: KernelTarget = { software: false, subgroupSize: 32 };
    expect(matmulVariant(withEntry(hardware, matmulClass(), "panel-8x64"), request).kind).toBe("tiled");
  });

  test("experts have entries of their own, by their number", () => {
    const shape = { grouped: "rows", layout: "nt", R: 2048, E: 8, N: 256, K: 128 } as const;
    const requests: KernelRequest[] = [];
    planGroupedMatmul({ ...software, onRequest: (one) => requests.push(one) }, shape);
    expect(requests.map(kernelClass)).toEqual(["matmul nt by rows M=2048 N=256 K=128 x8"]);
    const chosen = withEntry(software, kernelClass(requests[0]!), "panel-4x128");
    expect(planGroupedMatmul(chosen, shape).kernel.label).toContain("columns=4 depth=128");
    expect(planGroupedMatmul(chosen, { ...shape, E: 32 }).kernel.label).toContain("columns=8 depth=128");
  });

  test.each(FLASH_VARIANTS)("attention takes %s", (id) => {
    const key = kernelClass({ op: "flash-forward", ...flash });
    const { label } = planFlashForward(withEntry(software, key, id), flash).kernel;
    expect(label).toContain(id === "portable" ? "portable" : `perLane=${id.slice(5)}`);
    expect(planFlashForward({ ...withEntry(software, key, id), subgroupSize: 0 }, flash).kernel.label).toContain(
      "portable",
    );
  });

  test("sizes of attention worth measuring start with the default and leave out the largest kernels", () => {
    expect(flashVariantsFor(software, "flash-forward", flash)).toEqual(["rows-8", "rows-4", "rows-2"]);
    const wide = { ...flash, headDimQk: 192, headDimV: 128 };
    expect(flashVariantsFor(software, "flash-key-grad", wide)).toEqual(["rows-2", "rows-4"]);
    expect(flashVariantsFor({ software: false, subgroupSize: 32 }, "flash-forward", flash)).toEqual(["portable"]);
  });
});

describe("a device", () => {
  test("uses its table, says which, and reports what is asked for", async () => {
    await using plain = await openGpu(testGpuOptions());
    const { software, subgroupSize } = plain.target;
    const requests: KernelRequest[] = [];
    const entries = { [matmulClass({ M: 40, N: 40, K: 40 })]: software ? "panel-1x128" : "tiled-64x64x16" };
    const kernelTable = tableOf(entries, plain.adapter.name);
    const options = { ...testGpuOptions(), kernelTable, onKernelRequest: (one: KernelRequest) => requests.push(one) };
    await using gpu = await openGpu(options);
    expect(gpu.kernelTable).toEqual(kernelTable);
    expect(plain.kernelTable).toBeUndefined();
    using _scope = gpu.scope();
    const [a, b] = [normals(40 * 40, 1), normals(40 * 40, 2)];
    const product = (on: typeof gpu): Promise<ArrayLike<number>> =>
      matmul(on.tensor(a, [40, 40]), on.tensor(b, [40, 40]), { layout: "nt" }).data();
    const labels: string[] = [];
    await gpu
      .profile(async () => void (await product(gpu)))
      .then(({ rows }) => labels.push(...rows.map((r) => r.label)));
    expect(labels.join()).toContain(software ? `columns=1 depth=${subgroupSize > 0 ? 128 : 64}` : "tiled");
    expect(requests[0]).toMatchObject({ op: "matmul", layout: "nt", M: 40, N: 40, K: 40, batch: 1 });
    const q = gpu.tensor(normals(64, 3), [1, 4, 2, 8]);
    flashAttention(q, q, q, { scale: 1 });
    expect(requests.at(-1)).toMatchObject({ op: "flash-forward", T: 4, N: 2, headDimV: 8 });
  });

  test("is not opened with another adapter's table", async () => {
    const opening = openGpu({ ...testGpuOptions(), kernelTable: tableOf({}, "a card of another machine") });
    await expect(opening).rejects.toThrow(KernelTableError);
  });
});
