export {
  type MtpRefBatch,
  type MtpRefDepth,
  type MtpRefGradients,
  type MtpRefParameters,
  type MtpRefResult,
  mtpLossRef,
} from "./mtp-loss.ref.ts";
export {
  type BlockRef,
  type MtpModuleRefResult,
  type MtpModuleRefWeights,
  type MtpRefRows,
  mtpModuleRef,
} from "./mtp-module.ref.ts";
export type { MtpConfig, MtpHidden, MtpLossDenominator } from "./types.ts";
