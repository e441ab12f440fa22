import { CLAIM, meanOf } from "./loss-error.ts";
import type { PlantedLosses } from "./measure-outliers.ts";
import { productSizes } from "./product-sizes.ts";
import type { PromotionError } from "./promotion.ts";
import { diagnosisSection, roundingSection } from "./report-diagnosis.ts";
import { listed, paragraph, percent, signedPercent, table } from "./report-format.ts";
import { counted, verdictContinued, verdictFromScratch } from "./report-verdicts.ts";
import type { Comparison, StudyResults } from "./results.ts";
import { studyConfig } from "./study-config.ts";

/** What the command fills in, by the names of its places; an empty list where nothing is known yet. */
export interface ReportSections {
  readonly verdict: readonly string[];
  readonly verdictContinued: readonly string[];
  readonly pairs: readonly string[];
  readonly sizes: readonly string[];
  readonly control: readonly string[];
  readonly diagnosis: readonly string[];
  readonly rounding: readonly string[];
  readonly continued: readonly string[];
  readonly outliers: readonly string[];
  readonly outliersContinued: readonly string[];
  readonly planted: readonly string[];
  readonly promotion: readonly string[];
}

/** The report's tables, and every sentence that states a result, as lines of Markdown. */
export function reportSections(results: StudyResults): ReportSections {
  const { plan, scratch, continued } = results;
  return {
    verdict: verdictFromScratch(results),
    verdictContinued: verdictContinued(results),
    pairs: scratch.pairs.length > 0 ? comparisonTable(scratch.pairs) : [],
    sizes: sizesTable(plan.batchSize * plan.sequenceLength),
    control: controlSection(results),
    diagnosis: diagnosisSection(results),
    rounding: roundingSection(results),
    continued: continuedTable(results),
    outliers: outliersSection(scratch.ablation),
    outliersContinued: outliersSection(continued.ablation),
    planted: plantedSection(results),
    promotion: promotionSection(results),
  };
}

function comparisonTable(comparisons: readonly Comparison[]): string[] {
  return table(
    ["run", "against", "mean error", "largest error (step)", "of the mean loss", "held-out", "run's", "difference"],
    comparisons.map(({ run, against, error, base, other }) => [
      ...[run.name, against.name],
      percent(error.mean),
      `${percent(error.maximum.error)} (${error.maximum.step})`,
      signedPercent(error.ofMeanLoss),
      base.heldOut.toFixed(4),
      other.heldOut.toFixed(4),
      signedPercent(other.heldOut / base.heldOut - 1),
    ]),
  );
}

/** What is not FP8 against f32, and how far each kind of run comes. */
function controlSection({ scratch: { pairs, baselines, controls }, repeats }: StudyResults): string[] {
  const all = [...repeats, ...controls, ...baselines];
  if (all.length === 0) return [];
  const kinds: readonly (readonly [string, readonly Comparison[]])[] = [
    ["f32 against itself", repeats],
    ["bf16 against f32", controls],
    ["FP8 against bf16", baselines],
    ["FP8 against f32", pairs],
  ];
  const sentences = kinds.flatMap(([kind, comparisons]) => {
    if (comparisons.length === 0) return [];
    const mean = percent(meanOf(comparisons.map(({ error }) => error.mean)));
    return [`${kind} ${mean}, ${counted(comparisons)}`];
  });
  return [
    ...comparisonTable(all),
    "",
    ...paragraph("The mean error,", "averaged over seeds:", `${sentences.join("; ")}.`),
  ];
}

function continuedTable({ continued: { pairs, baselines, controls } }: StudyResults): string[] {
  const all = [...pairs, ...baselines, ...controls];
  return all.length > 0 ? comparisonTable(all) : [];
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

/** Beside the table what the outliers change in the mean loss: against the run of the same scales without them. */
function outliersSection(ablation: readonly Comparison[]): string[] {
  if (ablation.length === 0) return [];
  const find = (scaling: "tile" | "tensor", isPlanted: boolean): Comparison | undefined =>
    ablation.find(({ run: { variant = { scaling: "tile", outliers: 1 } } }) => {
      return variant.scaling === scaling && variant.outliers > 1 === isPlanted;
    });
  const costs = (["tile", "tensor"] as const).flatMap((scaling) => {
    const [planted, without] = [find(scaling, true), find(scaling, false)];
    if (planted === undefined || without === undefined) return [];
    return [`${signedPercent(planted.error.ofMeanLoss - without.error.ofMeanLoss)} with one scale a ${scaling}`];
  });
  const sentence = costs.length > 0 ? ["", ...paragraph(`The outliers change the mean loss by ${listed(costs)}.`)] : [];
  return [...comparisonTable(ablation), ...sentence];
}

function plantedSection({ planted }: StudyResults): string[] {
  if (planted === undefined) return [];
  const error = (loss: number): string =>
    Number.isFinite(loss) ? signedPercent(loss / planted.f32 - 1) : "not finite";
  const rows = planted.losses.map(({ factor, tile, tensor }) => [powerOf(factor), error(tile), error(tensor)]);
  const [tile, tensor] = [lastBelow(planted, "tile"), lastBelow(planted, "tensor")];
  const summary = `The error stays below ${percent(CLAIM)} ${tile} with one scale a tile and ${tensor} with one scale a tensor.`;
  return [...table(["s", "one scale a tile", "one scale a tensor"], rows), "", ...paragraph(summary)];
}

function lastBelow({ f32, losses }: PlantedLosses, kind: "tile" | "tensor"): string {
  const first = losses.findIndex((one) => !(Math.abs(one[kind] / f32 - 1) < CLAIM));
  if (first === 0) return "for no s";
  return `up to s = ${powerOf(losses.at(first < 0 ? -1 : first - 1)!.factor)}`;
}

function powerOf(factor: number): string {
  return `2^${Math.log2(factor)}`;
}

function promotionSection({ promotion = [] }: StudyResults): string[] {
  const pairs = promotion
    .filter(({ isPromoted }) => !isPromoted)
    .map((without) => {
      const { operands, depth } = without;
      return {
        without,
        promoted: promotion.find((one) => one.isPromoted && one.operands === operands && one.depth === depth)!,
      };
    });
  if (pairs.length === 0) return [];
  const rows = pairs.map(({ without, promoted }) => [
    ...[without.operands, `${without.depth}`],
    ...[without.mean, without.worst, promoted.mean, promoted.worst].map(percent),
  ]);
  const deepest = Math.max(...promotion.map(({ depth }) => depth));
  const last = pairs.filter(({ without }) => without.depth === deepest);
  const fold = (isPromoted: boolean): string => `${growth(promotion, isPromoted)}-fold`;
  const worst = (kind: "without" | "promoted"): string =>
    listed(last.map((pair) => `${percent(pair[kind].worst)} for ${pair[kind].operands} operands`));
  return [
    ...table(["operands", "K", "without: mean", "worst", "every 128: mean", "worst"], rows),
    "",
    ...paragraph(
      `At K = ${deepest} the worst error without promotion is ${worst("without")}, with it ${worst("promoted")}.`,
      `From the smallest K to that one the worst error grows ${fold(false)} without, ${fold(true)} with it.`,
    ),
  ];
}

/** The larger one of both kinds of operands. */
function growth(promotion: readonly PromotionError[], isPromoted: boolean): string {
  const ratios = (["normal", "uniform"] as const).map((operands) => {
    const ofKind = promotion.filter((one) => one.isPromoted === isPromoted && one.operands === operands);
    const sorted = ofKind.sort((a, b) => a.depth - b.depth);
    return sorted.at(-1)!.worst / sorted[0]!.worst;
  });
  return Math.max(...ratios).toFixed(1);
}
