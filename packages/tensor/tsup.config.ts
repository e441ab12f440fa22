import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/reference.ts", "src/safetensors.ts", "src/backend.node.ts", "src/backend.browser.ts"],
  format: "esm",
  target: "node20",
  platform: "neutral",
  sourcemap: true,
  removeNodeProtocol: false,
  external: ["#backend", /^node:/],
});
