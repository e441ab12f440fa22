import { kernelClass, kernelTableFrom, openGpu, serializeKernelTable, type TunedClass, tuneKernels } from "@ds3/tensor";
import { writeFileWhole } from "@ds3/trainer";
import { requestLog, runModels } from "./collect-requests.ts";
import { formatSummary, formatTuned, tunedHeading } from "./format-tuned.ts";
import type { TuneCommand } from "./options.ts";

/** Where the command's lines go, and what ends it. */
export interface TuneSession {
  readonly print: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Measures and writes the table: whole or, when the signal ends it, not at all.
 * @returns what was measured; undefined when it was ended.
 */
export async function tune(command: TuneCommand, session: TuneSession): Promise<readonly TunedClass[] | undefined> {
  const { print, signal } = session;
  const { requests, listen } = requestLog();
  await using gpu = await openGpu({ onKernelRequest: listen });
  print(gpu.adapter.name);
  await runModels(gpu, command, print);
  const wanted = requests.filter((one) => kernelClass(one).includes(command.only));
  const tuned: TunedClass[] = [];
  print(`\n${tunedHeading()}`);
  for await (const one of tuneKernels(gpu, wanted, optionsOf(command, signal))) {
    print(formatTuned(one, command.all));
    tuned.push(one);
  }
  if (signal?.aborted) {
    print("Stopped: nothing was written.");
    return undefined;
  }
  print(`\n${formatSummary(tuned)}`);
  await writeFileWhole(command.out, new TextEncoder().encode(serializeKernelTable(kernelTableFrom(gpu, tuned))));
  print(`The table is in ${command.out}; --kernels ${command.out} runs with it.`);
  return tuned;
}

function optionsOf(
  { budget, minGain, windows, cpuTime }: TuneCommand,
  signal: AbortSignal | undefined,
): Parameters<typeof tuneKernels>[2] {
  return {
    ...{ minGain, windows, signal },
    ...(budget === undefined ? {} : { budgetSeconds: budget }),
    ...(cpuTime ? { clock: cpuMilliseconds } : {}),
  };
}

/** Of all threads of this process: a software adapter's work is in it. */
function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
