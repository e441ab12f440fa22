import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/main.ts", "src/demo-texts.ts"],
  format: "esm",
  target: "node20",
  platform: "neutral",
  sourcemap: true,
  removeNodeProtocol: false,
  external: [/^node:/],
});
