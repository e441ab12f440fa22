export {
  type MtpBatch,
  type MtpDepth,
  type MtpDepthOutput,
  type MtpOutput,
  type MtpSharedLayers,
  mtpLoss,
} from "./mtp-loss.ts";
export {
  type Block,
  type MtpModuleOutput,
  type MtpModuleParameters,
  type MtpRows,
  mtpModule,
  mtpParameterSpecs,
  mtpParameters,
} from "./mtp-module.ts";
export type { MtpConfig, MtpHidden, MtpLossDenominator } from "./types.ts";
