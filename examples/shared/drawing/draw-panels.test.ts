import { expect, test } from "vitest";
import { chartLine, drawPanels, type Panel } from "./index.ts";

const panel = (title: string): Panel => ({
  ...{ title, subtitle: "of a test", xAxis: { type: "value" }, yAxis: { type: "value" } },
  series: [
    chartLine(
      [
        [0, 1],
        [1, 2],
      ],
      "--one",
      { label: `end of ${title}`, dots: 4 },
    ),
  ],
});
const draw = (...titles: string[]): string =>
  drawPanels({
    id: "mine",
    title: "For readers",
    colours: { "--one": ["#123456", "#abcdef"] },
    panels: titles.map(panel),
  });

test("one SVG with a title and both themes' colours, the same each time", () => {
  const svg = draw("first", "second");
  expect(svg).toMatch(/^<svg\b[^>]*width="900" height="420"[\s\S]*<\/svg>\n$/);
  expect(svg).toContain("<title>For readers</title>");
  expect(svg).toMatch(/:root\{[^}]*--one:#123456\}@media\(prefers-color-scheme:dark\)\{:root\{[^}]*--one:#abcdef\}\}/);
  for (const text of ["first", "second", "end of second"]) expect(svg.split(`>${text}<`)).toHaveLength(2);
  expect(svg).not.toMatch(/class=|ecmeta|NaN|undefined/);
  expect(draw("first", "second")).toBe(svg);
});

test("two panels in a row, one in the last", () => {
  expect(draw("a", "b", "c")).toMatch(/^<svg\b[^>]*height="840"/);
});

test("ids inside begin with the drawing's own", () => {
  const ids = [...draw("a").matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id!);
  expect(ids.length).toBeGreaterThan(0);
  for (const id of ids) expect(id).toMatch(/^mine-/);
});
