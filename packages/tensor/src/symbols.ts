/**
 * `using` is native from Node 24 on and lowered by esbuild before; the lowered code looks these symbols up, so they
 * must exist before the first scope is opened. This module is the first import of the package.
 */
const symbols = Symbol as { dispose?: symbol; asyncDispose?: symbol };
if (symbols.dispose === undefined) {
  Object.defineProperty(Symbol, "dispose", { value: Symbol.for("Symbol.dispose") });
}
if (symbols.asyncDispose === undefined) {
  Object.defineProperty(Symbol, "asyncDispose", { value: Symbol.for("Symbol.asyncDispose") });
}

export {};
