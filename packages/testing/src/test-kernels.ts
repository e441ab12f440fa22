import { readdirSync } from "node:fs";
import { type Gpu, type Kernel, type KernelTarget, type Team, teamOf } from "@ds3/tensor";
import { describe, expect, test } from "vitest";
import { expectCompiling } from "./expect-compiling.ts";
import { expectNear } from "./expect-near.ts";
import { expectQuickRehearsal } from "./expect-quick-rehearsal.ts";
import { KERNEL_TARGETS } from "./kernel-targets.ts";
import { useNullDevice } from "./null-device.ts";
import { useTestGpu } from "./open-test-gpu.ts";

/** A package's kernels. */
export interface KernelSpec {
  /** Folder of the `*.wgsl.ts` files: `import.meta.dirname`. */
  readonly folder: string;
  /** By file name: its kernels for a team, one label a text. */
  readonly variants: Readonly<Record<string, (team: Team) => Kernel[]>>;
  /** Files of WGSL that others include; no kernels of their own. */
  readonly included?: readonly string[];
  /** What the package computes with the kernels for `target`, by name. It frees what it makes. */
  readonly numbers: (gpu: Gpu, target: KernelTarget) => Promise<Readonly<Record<string, ArrayLike<number>>>>;
  /** Of the largest value, see `expectNear`. */
  readonly tolerance: number;
}

const TARGETS = Object.values(KERNEL_TARGETS);
/** Whose kernels run on any adapter: without subgroups a kernel does not care how many lanes there are. */
const RUNNABLE = ["software without subgroups", "hardware without f16"];

/**
 * Tests that each template file is listed, keeps the text of one variant of each kernel as a snapshot, so that a change's
 * diff shows the shader, compiles all variants for every target on Dawn's null backend, and compares numbers between the
 * variants that run on any adapter.
 */
export function testKernels({ folder, variants, included = [], numbers, tolerance }: KernelSpec): void {
  test("every template is listed", () => {
    const files = readdirSync(folder).filter((name) => name.endsWith(".wgsl.ts"));
    expect([...Object.keys(variants), ...included].sort()).toEqual(files.sort());
  });

  test.each(Object.keys(variants))("the text of %s", (file) => {
    for (const { label, wgsl } of variants[file]!(teamOf(TARGETS[0]!))) expect(wgsl).toMatchSnapshot(label);
  });

  describe("on the null backend", () => {
    const holder = useNullDevice();

    test.each(Object.keys(variants))("%s compiles for every target", async (file) => {
      await expectCompiling(holder.device, TARGETS.map(teamOf).flatMap(variants[file]!));
    });
  });

  describe("on a device", () => {
    const holder = useTestGpu();

    test.each(Object.keys(variants))("%s ends at once with zero uniforms", { timeout: 240_000 }, async (file) => {
      // Those of this device and those that run anywhere: a driver takes seconds for a large kernel.
      const some = [holder.gpu.target, ...RUNNABLE.map((kind) => KERNEL_TARGETS[kind]!)];
      await expectQuickRehearsal(holder.gpu, some.map(teamOf).flatMap(variants[file]!));
    });

    test("the variants for other adapters give the same numbers", async () => {
      const { gpu } = holder;
      const before = gpu.stats.liveBuffers;
      const want = await numbers(gpu, gpu.target);
      for (const kind of RUNNABLE) {
        const got = await numbers(gpu, KERNEL_TARGETS[kind]!);
        for (const [name, values] of Object.entries(want)) {
          expectNear(`${name}, ${kind}`, got[name]!, values, [values.length], tolerance);
        }
      }
      expect(gpu.stats.liveBuffers).toBe(before);
    });
  });
}
