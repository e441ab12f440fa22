import { builtinModules } from "node:module";
import { build } from "esbuild";

const builtins = new Set(builtinModules);

/** Packages that must also work in a browser: every public one that does not say it is for Node by design. */
export const browserPackages = ["errors", "tokenizer", "data", "tensor", "mla", "moe", "mtp", "deepseek"];

/**
 * Bundles a package's main entry for browsers, minified, from where it is installed, and gives the bundle's size in bytes.
 * Throws when anything in it, however deep, imports a module of Node or the native `webgpu` package, or when an error
 * class lost its name: errors are recognised by it across copies of a package.
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
  await assertErrorNames(name, outputFiles[0].text);
  return outputFiles[0].contents.length;
}

async function assertErrorNames(name, code) {
  const exported = await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);
  const renamed = Object.keys(exported).filter((key) => key.endsWith("Error") && exported[key].name !== key);
  if (renamed.length > 0) throw new Error(`${name}: minified, ${renamed.join(", ")} have other names`);
}
