export type { BalanceTopk, MoeConfig, RouterConfig } from "./types.ts";
