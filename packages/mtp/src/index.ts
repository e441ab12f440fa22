export type { MtpConfig, MtpHidden, MtpLossDenominator } from "./types.ts";
