import type { Figure } from "./figure.ts";

/** Hands figures on; operations that ran on the CPU are a problem, and so is a run without any figure. */
export async function* checkFigures(
  figures: AsyncIterable<Figure>,
  onProblem: (line: string) => void,
): AsyncGenerator<Figure> {
  let count = 0;
  for await (const figure of figures) {
    if (figure.cpuFallbacks) onProblem(`${figure.name}: ${figure.cpuFallbacks} operations ran on the CPU`);
    yield figure;
    count += 1;
  }
  if (count === 0) onProblem("nothing was measured");
}
