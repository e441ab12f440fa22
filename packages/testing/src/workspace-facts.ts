import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { ImportSite, PackageFacts } from "./layers.ts";

/** Reads manifests, tsconfig references and import statements of every package and example below `root`. */
export function workspaceFacts(root: string): PackageFacts[] {
  return ["packages", "examples"].flatMap((parent) => {
    if (!existsSync(join(root, parent))) return [];
    const folders = readdirSync(join(root, parent)).map((name) => join(root, parent, name));
    return folders.filter((folder) => existsSync(join(folder, "package.json"))).map((folder) => facts(root, folder));
  });
}

/** Specifiers of the import and export statements, and of import() calls, of one source text; comments are left out. */
export function importSpecifiers(source: string): string[] {
  const code = source.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
  const statements = code.matchAll(/^(?:import|export)\b(?:[^"'`;]*?\bfrom)?\s*["']([^"']+)["']/gm);
  const calls = code.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g);
  return [...statements, ...calls].map(([, specifier]) => specifier!);
}

/** Files that import each other in a ring, as `a -> b -> a`; imports of types alone do not count. */
export function importCycles(root: string): string[] {
  const files = sourceFiles(root).filter((file) => !isDevelopment(relative(root, file)));
  const edges = new Map(files.map((file) => [file, localImports(file)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      const ring = [...path.slice(path.indexOf(file)), file];
      cycles.push(ring.map((entry) => relative(root, entry)).join(" -> "));
    }
    if (done.has(file)) return;
    done.add(file);
    for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
  };
  for (const file of files) visit(file, []);
  return cycles;
}

function facts(root: string, folder: string): PackageFacts {
  const manifest = readJson(join(folder, "package.json")) as {
    name: string;
    private?: boolean;
    dependencies?: object;
    peerDependencies?: object;
    devDependencies?: object;
  };
  return {
    name: manifest.name.replace("@ds3/", ""),
    isPrivate: manifest.private ?? false,
    dependencies: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
    devDependencies: Object.keys({ ...manifest.devDependencies }),
    imports: sourceFiles(folder).flatMap((file) => importSites(root, file)),
    references: references(join(folder, "tsconfig.json")),
  };
}

function importSites(root: string, file: string): ImportSite[] {
  const path = relative(root, file);
  const development = isDevelopment(path);
  const specifiers = importSpecifiers(readFileSync(file, "utf8"));
  return specifiers.map((specifier) => ({ file: path, specifier, development }));
}

function references(path: string): string[] {
  if (!existsSync(path)) return [];
  const { references = [] } = readJson(path) as { references?: { path: string }[] };
  return references.map((reference) => basename(reference.path));
}

function localImports(file: string): string[] {
  const code = readFileSync(file, "utf8").replaceAll(/^(?:import|export) type\b[^"';]*["'][^"']+["'];?$/gm, "");
  const specifiers = importSpecifiers(code).filter((specifier) => specifier.startsWith("."));
  return specifiers.map((specifier) => join(file, "..", specifier));
}

function isDevelopment(path: string): boolean {
  return (
    /\.(?:test|bench|config)\.ts$/.test(path) ||
    /^packages\/testing\/|^(?:packages|examples)\/[^/]+\/(?:test|bench)\//.test(path)
  );
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(?:node_modules|dist|runs|\..*)$/.test(entry.name) ? [] : sourceFiles(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
