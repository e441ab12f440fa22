import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const specifier = /((?:\bfrom|\bimport)\s*\(?\s*")(\.{1,2}\/[^"]*)\.ts"/g;

/**
 * Makes a folder's declarations fit to publish: tsc rewrites `./x.ts` to `./x.js` in JavaScript, but not in declarations.
 * Refuses a `/// <reference types>` line, which would force a types package on every user.
 */
export function finishDeclarations(dist) {
  for (const name of readdirSync(dist, { recursive: true }).filter((name) => name.endsWith(".d.ts"))) {
    const path = join(dist, name);
    const text = readFileSync(path, "utf8");
    if (/^\/\/\/\s*<reference/m.test(text)) throw new Error(`${path} holds a /// <reference> line.`);
    const finished = text.replaceAll(specifier, '$1$2.js"');
    if (finished !== text) writeFileSync(path, finished);
  }
}
