// Builds every public package: JavaScript by tsup, two at a time, then all declarations by one `tsc --build`.
//   node scripts/build.mjs
// tsup cannot make declarations with TypeScript 7, and its own cleaning would leave `tsc`'s build info behind, so that
// the second build had no declarations: dist goes first, as a whole.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { finishDeclarations } from "./lib/declarations.mjs";
import { publicPackages } from "./lib/packages.mjs";
import { inParallel, run } from "./lib/run.mjs";

const root = join(import.meta.dirname, "..");
const bin = (name) => join(root, "node_modules", ".bin", name);

process.on("uncaughtException", ({ message }) => {
  console.error(message);
  process.exit(1);
});

const packages = publicPackages(root);
await inParallel(2, packages, async ({ name, folder }) => {
  await rm(join(folder, "dist"), { recursive: true, force: true });
  await run(bin("tsup"), ["--silent"], { cwd: folder, label: `tsup ${name}` });
});
await run(bin("tsc"), ["--build"], { cwd: root, label: "tsc --build" });
for (const { folder } of packages) finishDeclarations(join(folder, "dist"));

const missing = packages.flatMap(({ folder, manifest }) =>
  targets(manifest)
    .map((path) => join(folder, path))
    .filter((path) => !existsSync(path)),
);
if (missing.length > 0) {
  console.error(`Built, but package.json names files that are not there:\n  ${missing.join("\n  ")}`);
  process.exit(1);
}
console.log(`Built ${packages.length} packages.`);

/** Every path under dist that a manifest's exports, imports and bin name. */
function targets(manifest) {
  const paths = JSON.stringify([manifest.exports, manifest.imports, manifest.bin]).match(/\.\/dist\/[^"]+/g);
  return [...new Set(paths ?? [])];
}
