import { defineConfig, mergeConfig } from "vitest/config";
import shared from "./vitest.shared.ts";

/** Packages that open no device, or keep it busy for moments: their files run side by side, after those that want both cores. */
export default mergeConfig(shared, defineConfig({ test: { maxWorkers: 2, sequence: { groupOrder: 1 } } }));
