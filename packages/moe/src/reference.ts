export { type BalanceLossRefOptions, balanceLossRef } from "./balance-loss.ref.ts";
export { combineBackwardRef, combineRef } from "./combine.ref.ts";
export { type DispatchPlanRef, dispatchBackwardRef, dispatchRef, planDispatchRef } from "./dispatch.ref.ts";
export { type MoeRefGradients, type MoeRefResult, type MoeRefWeights, moeRef } from "./moe-layer.ref.ts";
export { expertLoadRef, type RouteRefResult, routeBackwardRef, routeRef, updateBiasRef } from "./route.ref.ts";
export type { BalanceTopk, MoeConfig, RouterConfig } from "./types.ts";
