import { expect, test } from "vitest";
import { checkFigures } from "./check-figures.ts";
import type { Figure } from "./figure.ts";

async function check(figures: readonly Figure[]): Promise<{ names: string[]; problems: string[] }> {
  const problems: string[] = [];
  async function* source(): AsyncGenerator<Figure> {
    yield* figures;
  }
  const names = [];
  for await (const { name } of checkFigures(source(), (line) => problems.push(line))) names.push(name);
  return { names, problems };
}

const figure: Figure = { name: "adamw", value: 8, unit: "GB/s", adapter: "test adapter", cpuFallbacks: 0 };

test("figures without fallbacks pass", async () => {
  expect(await check([figure, { ...figure, name: "matmul" }])).toEqual({ names: ["adamw", "matmul"], problems: [] });
});

test("a fallback is named, and its figure still handed on", async () => {
  const { names, problems } = await check([figure, { ...figure, name: "matmul", cpuFallbacks: 2 }]);
  expect(names).toEqual(["adamw", "matmul"]);
  expect(problems).toEqual(["matmul: 2 operations ran on the CPU"]);
});

test("no figure at all is a problem", async () => {
  expect((await check([])).problems).toEqual(["nothing was measured"]);
});
