import type { Gpu } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import type { Figure } from "./figure.ts";
import { type KernelCase, kernelFigure } from "./kernel-case.ts";
import { measureInTurns, type Prepare } from "./measure-calls.ts";

/** An op beside others that do the same work in another way. */
export interface ComparedCase extends KernelCase {
  /** By what tells them apart, e.g. "f32". */
  readonly against: Readonly<Record<string, (gpu: Gpu) => Prepare>>;
}

/**
 * The op and what it is compared with, measured in turns: a figure each, `name` and `name.f32`, and `ratio.name.vs.f32`,
 * how many times as fast the op is. Rates are by the same work: what the op reads and writes.
 */
export function comparedCase({ name, setUp, against, ...work }: ComparedCase): BenchCase {
  const others = Object.keys(against);
  const run: BenchCase["run"] = async (context) => {
    const { gpu } = context;
    using _case = gpu.scope(name);
    const setUps = [setUp, ...Object.values(against)];
    const costs = await measureInTurns(
      gpu,
      setUps.map((one) => one(gpu)),
    );
    const names = [name, ...others.map((other) => `${name}.${other}`)];
    const figures = costs.map((cost, i) => kernelFigure(names[i]!, work, cost, context));
    return [...figures, ...ratioFigures(figures[0]!, others, figures.slice(1))];
  };
  return { name, run };
}

/** `ratio.NAME.vs.OTHER` for each of the others: the figure's value by theirs. */
export function ratioFigures(
  { name, value, adapter }: Figure,
  names: readonly string[],
  others: readonly Figure[],
): Figure[] {
  return names.map((other, i) => ({
    name: `ratio.${name}.vs.${other}`,
    value: value / others[i]!.value,
    unit: "ratio",
    adapter,
  }));
}
