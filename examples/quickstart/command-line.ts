import type { QuickstartOptions } from "./options.ts";

/** How a person starts the quickstart; the README's own words. */
const START = "npx --yes pnpm@12 quickstart";

/** The command that repeats a run, or goes on with it: flags at their defaults are left out. */
export function commandLine(
  options: QuickstartOptions,
  { resume = false }: { readonly resume?: boolean } = {},
): string {
  const { data, column, preset, precision, steps, seed, out, fast, kernels } = options;
  const flags = [
    data && `--data ${data.map(quote).join(" ")}`,
    column !== "text" && `--column ${quote(column)}`,
    preset !== "tiny" && `--preset ${preset}`,
    precision !== "f32" && `--precision ${precision}`,
    steps !== undefined && `--steps ${steps}`,
    seed !== 0 && `--seed ${seed}`,
    out !== "runs/quickstart" && `--out ${quote(out)}`,
    fast && "--fast",
    kernels !== undefined && `--kernels ${quote(kernels)}`,
    resume && "--resume",
  ];
  return [START, ...flags.filter(Boolean)].join(" ");
}

/** As a POSIX shell reads it back. */
export function quote(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
