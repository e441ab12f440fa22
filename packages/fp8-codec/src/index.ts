export type { CodeFormat, Fp8Format } from "./formats.ts";
