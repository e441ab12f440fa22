import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Every package under packages/: its name, folder and package.json, dependencies before dependants. */
export function allPackages(root) {
  const parent = join(root, "packages");
  const found = readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const folder = join(parent, name);
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      return { name: manifest.name, folder, manifest };
    });
  return dependenciesFirst(found);
}

/** The packages that are published. */
export function publicPackages(root) {
  return allPackages(root).filter(({ manifest }) => !manifest.private);
}

/** The names of the workspace's packages that `manifest` needs at run time, directly or through others. */
export function runtimeClosure(manifest, packages) {
  const byName = new Map(packages.map((entry) => [entry.name, entry]));
  const reached = new Set();
  const visit = ({ dependencies = {} }) => {
    for (const name of Object.keys(dependencies)) {
      if (!byName.has(name) || reached.has(name)) continue;
      reached.add(name);
      visit(byName.get(name).manifest);
    }
  };
  visit(manifest);
  return [...reached];
}

function dependenciesFirst(packages) {
  const order = (entry) => runtimeClosure(entry.manifest, packages).length;
  return packages.sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
}
