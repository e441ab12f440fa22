import { CLAIM, meanOf } from "./loss-error.ts";
import { productSizes } from "./product-sizes.ts";
import type { Comparison, StudyResults } from "./results.ts";
import { studyConfig } from "./study-config.ts";

/** What the command fills in, by the names of its places; an empty list where nothing is known yet. */
export interface ReportSections {
  readonly verdict: readonly string[];
  readonly pairs: readonly string[];
  readonly sizes: readonly string[];
  readonly control: readonly string[];
  readonly outliers: readonly string[];
  readonly planted: readonly string[];
  readonly promotion: readonly string[];
}

/** The report's tables and its verdict as lines of Markdown. */
export function reportSections(results: StudyResults): ReportSections {
  const { plan, pairs } = results;
  return {
    verdict: verdictOf(results),
    pairs: pairs.length > 0 ? comparisonTable(pairs) : [],
    sizes: sizesTable(plan.batchSize * plan.sequenceLength),
    control: controlSection(results),
    outliers: outliersTable(results),
    planted: plantedTable(results),
    promotion: promotionTable(results),
  };
}

/** Judged by the mean over the last third; the maximum is said beside it. */
function verdictOf({ plan, pairs }: StudyResults): string[] {
  if (pairs.length === 0) return [];
  const held = pairs.filter(({ error }) => error.mean < CLAIM).length;
  const highest = pairs.filter(({ error }) => error.maximum.error < CLAIM).length;
  const of = (count: number): string => `${count} of ${pairs.length}`;
  const means = pairs.map(({ error }) => percent(error.mean)).join(", ");
  const maxima = pairs.map(({ error }) => percent(error.maximum.error)).join(", ");
  const signed = pairs.map(({ error }) => signedPercent(error.ofMeanLoss)).join(", ");
  const word = held === pairs.length ? "holds" : held === 0 ? "does not hold" : "does not hold for every seed";
  return [
    `Over the last third of ${plan.steps} steps the relative error of the smoothed loss is ${means} in the mean: below`,
    `${percent(CLAIM)} for ${of(held)} seeds, so the claim **${word}** here, judged by the mean. The largest single step of`,
    `that third is off by ${maxima}: below ${percent(CLAIM)} for ${of(highest)}. The mean loss over the third differs by ${signed}.`,
  ];
}

function comparisonTable(comparisons: readonly Comparison[]): string[] {
  return table(
    ["run", "mean error", "largest error (step)", "of the mean loss", "held-out f32", "held-out run", "difference"],
    comparisons.map(({ run, error, base, other }) => [
      run.name,
      percent(error.mean),
      `${percent(error.maximum.error)} (${error.maximum.step})`,
      signedPercent(error.ofMeanLoss),
      base.heldOut.toFixed(4),
      other.heldOut.toFixed(4),
      signedPercent(other.heldOut / base.heldOut - 1),
    ]),
  );
}

function controlSection({ pairs, controls }: StudyResults): string[] {
  if (controls.length === 0) return [];
  const mean = (comparisons: readonly Comparison[]): string =>
    percent(meanOf(comparisons.map(({ error }) => error.mean)));
  const seeds = controls.map(({ run }) => run.seed);
  const same = pairs.filter(({ run }) => seeds.includes(run.seed));
  const summary = `Mean error over ${seeds.length} of the seeds: FP8 ${mean(same)}, f32 from other last bits ${mean(controls)}.`;
  return [...comparisonTable(controls), "", summary];
}

function sizesTable(tokens: number): string[] {
  const rows = productSizes(studyConfig(1024), tokens);
  return table(
    ["layer", "K forward", "K dgrad", "K wgrad"],
    rows.map(({ layer, forward, dgrad, wgrad }) => [
      ...[layer, `${forward}`, `${dgrad}`],
      layer.startsWith("routed") ? `${wgrad} in the mean` : `${wgrad}`,
    ]),
  );
}

function outliersTable({ ablation, ablationBase }: StudyResults): string[] {
  if (ablation.length === 0) return [];
  return comparisonTable([...(ablationBase ? [ablationBase] : []), ...ablation]);
}

function plantedTable({ planted }: StudyResults): string[] {
  if (planted === undefined) return [];
  const error = (loss: number): string =>
    Number.isFinite(loss) ? signedPercent(loss / planted.f32 - 1) : "not finite";
  return table(
    ["s", "one scale a tile", "one scale a tensor"],
    planted.losses.map(({ factor, tile, tensor }) => [`2^${Math.log2(factor)}`, error(tile), error(tensor)]),
  );
}

function promotionTable({ promotion = [] }: StudyResults): string[] {
  if (promotion.length === 0) return [];
  return table(
    ["operands", "K", "without: mean", "worst", "every 128: mean", "worst"],
    promotion
      .filter(({ isPromoted }) => !isPromoted)
      .map(({ operands, depth, mean, worst }) => {
        const twin = promotion.find((one) => one.isPromoted && one.operands === operands && one.depth === depth)!;
        const figures = [mean, worst, twin.mean, twin.worst].map((value) => percent(value));
        return [operands, `${depth}`, ...figures];
      }),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)];
}

/** 0.0012 -> `0.120 %` */
function percent(value: number): string {
  return `${(value * 100).toFixed(3)} %`;
}

function signedPercent(value: number): string {
  return `${value < 0 ? "" : "+"}${percent(value)}`;
}
