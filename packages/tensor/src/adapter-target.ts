import type { KernelTarget, SubgroupMatrix } from "./target.ts";

/** What an adapter says of subgroups and their matrices; fields that WebGPU's types do not have yet. */
export interface SubgroupInfo {
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  /** With `chromium-experimental-subgroup-matrix`. */
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly M: number;
    readonly N: number;
    readonly K: number;
    readonly componentType: string;
    readonly resultComponentType: string;
  }>;
}

/** What a device has enabled. */
export interface DeviceOffer {
  readonly features: Pick<ReadonlySet<string>, "has">;
  readonly limits: Pick<GPUSupportedLimits, "maxComputeInvocationsPerWorkgroup" | "maxComputeWorkgroupStorageSize">;
}

/** The target of kernels for a device: its features, its limits and not its adapter's. */
export function adapterTarget(info: SubgroupInfo, { features, limits }: DeviceOffer, software: boolean): KernelTarget {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  const fixedSize = features.has("subgroups") && subgroupMinSize === subgroupMaxSize;
  const subgroupMatrix = features.has("chromium-experimental-subgroup-matrix") ? floatMatrices(info) : [];
  return {
    software,
    subgroupSize: fixedSize ? subgroupMinSize : 0,
    f16: features.has("shader-f16"),
    ...(subgroupMatrix.length > 0 && { subgroupMatrix }),
    maxWorkgroupSize: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
  };
}

function floatMatrices({ subgroupMatrixConfigs = [] }: SubgroupInfo): SubgroupMatrix[] {
  return [...subgroupMatrixConfigs].flatMap(({ M, N, K, componentType, resultComponentType }) =>
    isFloat(componentType) && isFloat(resultComponentType)
      ? [{ M, N, K, component: componentType, result: resultComponentType }]
      : [],
  );
}

function isFloat(type: string): type is "f16" | "f32" {
  return type === "f16" || type === "f32";
}
