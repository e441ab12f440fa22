// Lets a plain `node` process import the packages' TypeScript sources: tsx translates them, and the export condition
// `@ds3/source` finds them without a build. A process started with `--import tsx -C @ds3/source` has both already.
import { register as registerHooks } from "node:module";
import { register as registerTsx } from "tsx/esm/api";

if (!process.execArgv.includes("@ds3/source")) {
  registerTsx();
  const hook = `export const resolve = (specifier, context, next) =>
    next(specifier, { ...context, conditions: ["@ds3/source", ...context.conditions] });`;
  registerHooks(`data:text/javascript,${encodeURIComponent(hook)}`);
}
