import { mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.ts";

/** The example's files lie beside its package.json, not under src. */
export default mergeConfig(shared, { test: { include: ["*.test.ts", "drawing/*.test.ts"] } });
