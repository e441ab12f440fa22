import { builtinModules } from "node:module";
import { build } from "esbuild";
import { assertErrorNames } from "./error-names.mjs";

const builtins = new Set(builtinModules);

/** Packages that must also work in a browser: every public one that does not say it is for Node by design. */
export const browserPackages = [
  "errors",
  "tokenizer",
  "data",
  "fp8-codec",
  "tensor",
  "fp8",
  "mla",
  "moe",
  "mtp",
  "deepseek",
];

/**
 * Bundles a package's main entry for browsers, minified, from where it is installed, and gives the bundle's size in bytes.
 * Throws when anything in it, however deep, imports a module of Node or the native `webgpu` package, or when an error
 * class lost its name.
 */
export async function bundleForBrowser(name, installedIn) {
  const refused = [];
  const refuseNode = {
    name: "refuse-node",
    setup(plugin) {
      plugin.onResolve({ filter: /^(?:node:|[a-z_]+(?:\/|$))/ }, ({ path, importer }) => {
        if (!path.startsWith("node:") && !builtins.has(path) && path !== "webgpu") return undefined;
        refused.push(`${importer} imports ${path}`);
        return { path, external: true };
      });
    },
  };
  const { outputFiles } = await build({
    stdin: { contents: `export * from ${JSON.stringify(name)};`, resolveDir: installedIn },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    conditions: ["browser"],
    write: false,
    logLevel: "silent",
    plugins: [refuseNode],
  });
  if (refused.length > 0) throw new Error(`${name} is not fit for browsers:\n  ${refused.join("\n  ")}`);
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  assertErrorNames(name, await import(`data:text/javascript;base64,${code}`));
  return outputFiles[0].contents.length;
}
