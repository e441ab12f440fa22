// Starts the loader's worker from its TypeScript source; the built package starts loader-worker.js itself.
import { register } from "tsx/esm/api";

register();
await import("./loader-worker.ts");
