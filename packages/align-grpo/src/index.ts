export { type BradleyTerryOutput, bradleyTerryLoss } from "./bradley-terry-loss.ts";
export { type AdvantageScale, type GroupAdvantagesOptions, groupAdvantages } from "./group-advantages.ts";
export { type GrpoLossOptions, type GrpoLossOutput, grpoLoss } from "./grpo-loss.ts";
export type { GrpoLossName, GrpoSettings, RatioLevel } from "./types.ts";
