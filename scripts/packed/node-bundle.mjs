import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { run } from "../lib/run.mjs";

const helper = pathToFileURL(join(import.meta.dirname, "error-names.mjs")).href;

/**
 * Bundles a package's main entry for Node, minified, where it is installed, and gives the bundle's size in bytes; the native
 * `webgpu` package stays outside. Throws when the bundle does not load in a process of its own, or an error class lost its
 * name.
 */
export async function bundleForNode(name, installedIn) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from ${JSON.stringify(name)};`, resolveDir: installedIn },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    external: ["webgpu"],
    // Packages in CommonJS, such as commander, reach Node's own modules by a `require` that a bundle of modules lacks.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    write: false,
    logLevel: "silent",
  });
  await writeFile(join(installedIn, "bundle.mjs"), outputFiles[0].contents);
  const check = `import { assertErrorNames } from ${JSON.stringify(helper)};
    assertErrorNames(${JSON.stringify(name)}, await import("./bundle.mjs"));`;
  await writeFile(join(installedIn, "check-names.mjs"), check);
  await run(process.execPath, ["check-names.mjs"], { cwd: installedIn, timeout: 60_000, label: "check-names.mjs" });
  return outputFiles[0].contents.length;
}
