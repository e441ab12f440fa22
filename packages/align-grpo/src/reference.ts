export { type BradleyTerryRefResult, bradleyTerryRef } from "./bradley-terry-loss.ref.ts";
export { type GrpoLossRefOptions, type GrpoLossRefResult, grpoLossRef } from "./grpo-loss.ref.ts";
