export { type BalanceLossOptions, balanceLoss } from "./balance-loss.ts";
export { type CombineOptions, combine } from "./combine.ts";
export {
  createMoe,
  type Moe,
  type MoeCall,
  type MoeOptions,
  type MoeParameters,
  type MoeResult,
} from "./create-moe.ts";
export { dispatch } from "./dispatch.ts";
export { type MlpLinears, type MlpParameters, type MlpSite, mlp } from "./mlp.ts";
export { canMoeDecodeStep, mlpDecodeStep, moeDecodeStep } from "./moe-decode-step.ts";
export { moeParameterSpecs, moeStateSpecs, type StateSpec } from "./parameter-specs.ts";
export { type DispatchPlan, type PlanOptions, planDispatch } from "./plan-dispatch.ts";
export { type RouteOptions, type Routing, route } from "./route.ts";
export type { BalanceTopk, MoeConfig, RouterConfig } from "./types.ts";
export { accumulateLoad, updateBias } from "./update-bias.ts";
