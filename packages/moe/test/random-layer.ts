import { Arena, type Gpu, type ParameterSpec, type Tensor } from "@ds3/tensor";
import { normals } from "@ds3/testing";
import type { MoeParameters } from "../src/create-moe.ts";
import { moeParameterSpecs, moeStateSpecs } from "../src/parameter-specs.ts";
import type { MoeConfig } from "../src/types.ts";

/** Parameters with gradients, filled with seeded values, with further ones in the same arena where there are any. */
export function parametersOf(
  gpu: Gpu,
  sizes: MoeConfig,
  more: readonly ParameterSpec[] = [],
): MoeParameters & Readonly<Record<string, Tensor>> {
  const arena = new Arena(gpu, [...moeParameterSpecs(sizes), ...more]);
  const states = moeStateSpecs(sizes).map(({ name, shape, dtype }) => [name, gpu.zeros(shape, dtype)] as const);
  let seed = 1;
  for (const tensor of arena.parameters.values())
    gpu.write(
      tensor,
      normals(tensor.size, seed++).map((v) => v / 3),
    );
  return Object.fromEntries([...arena.parameters, ...states]) as unknown as ReturnType<typeof parametersOf>;
}

/** A network's weights for the reference: the fused projections come apart. */
export async function network(parameters: MoeParameters, prefix: "experts" | "shared", count: number, size: number) {
  const gateUp = Float64Array.from(await parameters[`${prefix}GateUp`]!.data());
  const part = (which: 0 | 1): Float64Array =>
    gateUp.filter((_, i) => Math.floor(i / size) % 2 === which).subarray(0, count * size);
  return { gateProj: part(0), upProj: part(1), downProj: Float64Array.from(await parameters[`${prefix}Down`]!.data()) };
}
