import { mergeConfig } from "vitest/config";
import shared from "../vitest.shared.ts";

/** The files lie beside package.json, not under src. */
export default mergeConfig(shared, { test: { include: ["*.test.ts"] } });
