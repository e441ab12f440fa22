import type { MeasuredVariant, TunedClass } from "@ds3/tensor";

const NAME = 44;
const ID = 18;

/** The heading above `formatTuned`. */
export function tunedHeading(): string {
  const columns = ["share".padStart(6), "default".padEnd(ID), "ms".padStart(9), "GFLOP/s".padStart(8), "best"];
  return `${"shapes".padEnd(NAME)} ${columns.join(" ")}`;
}

/** A line a class: the default and the best; with `all` one more for every variant. */
export function formatTuned({ name, share, flops, variants, best }: TunedClass, all: boolean): string {
  const standard = variants[0]!;
  const chosen = variants.find(({ id }) => id === best)!;
  const gain = chosen === standard ? "" : `${best}, ${saved(chosen.gain)}`;
  const line = [
    name.padEnd(NAME),
    percent(share).padStart(6),
    standard.id.padEnd(ID),
    standard.milliseconds.toFixed(3).padStart(9),
    rate(flops, standard.milliseconds).padStart(8),
    gain,
  ].join(" ");
  const refused = variants.filter((one) => one.refused !== undefined).map((one) => `  ${one.id} ${one.refused}`);
  const others = all ? variants.map((one) => formatVariant(one, flops)) : refused;
  return [line.trimEnd(), ...others].join("\n");
}

/** What the chosen kernels save in all, and what each variant takes to compile. */
export function formatSummary(tuned: readonly TunedClass[]): string {
  const total = tuned.reduce((sum, { share }) => sum + share, 0);
  const changed = tuned.filter(({ best, variants }) => best !== variants[0]!.id);
  const part = changed.reduce((sum, { share }) => sum + share, 0);
  const firstRuns = new Map<string, number[]>();
  for (const { id, firstRunMs } of tuned.flatMap(({ variants }) => variants)) {
    if (firstRunMs !== undefined) firstRuns.set(id, [...(firstRuns.get(id) ?? []), firstRunMs]);
  }
  const compile = [...firstRuns].map(([id, times]) => {
    const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
    return `  ${id.padEnd(ID)} ${times.length} kernels, ${mean.toFixed(0)} ms each`;
  });
  return [
    `${tuned.length} classes of shapes, ${percent(total)} of the work; another kernel than the default for ${changed.length}, ${percent(part)} of the work.`,
    "First runs, which compile unless a cache of the driver has the kernel:",
    ...compile,
  ].join("\n");
}

function formatVariant({ id, milliseconds, gain, firstRunMs, refused }: MeasuredVariant, flops: number): string {
  const notes = [saved(gain), firstRunMs === undefined ? "" : `first run ${firstRunMs.toFixed(0)} ms`, refused ?? ""];
  const figures = `${milliseconds.toFixed(3).padStart(9)} ${rate(flops, milliseconds).padStart(8)}`;
  return `${"".padEnd(NAME + 8)}${id.padEnd(ID)} ${figures} ${notes.filter(Boolean).join(", ")}`;
}

function saved(gain: number): string {
  return gain < 0 ? `${percent(-gain)} more time` : `${percent(gain)} less time`;
}

function rate(flops: number, milliseconds: number): string {
  return (flops / milliseconds / 1e6).toFixed(1);
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
