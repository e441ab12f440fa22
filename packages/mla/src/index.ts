export { type RopeTable, ropeFrequencies, ropeTable, softmaxScale } from "./rope-table.ts";
export type { MlaConfig, RopeConfig, YarnScaling } from "./types.ts";
