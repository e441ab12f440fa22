import { OutOfRangeError } from "@ds3/errors";
import type { Gpu, Tensor } from "@ds3/tensor";
import { NonFiniteError } from "./errors.ts";
import type { ValidationRecord } from "./types.ts";

/** What to evaluate on. */
export interface EvaluateOptions<Batch> {
  readonly gpu: Gpu;
  /** A fixed set: iterated once. */
  readonly batches: Iterable<Batch>;
  /**
   * Encodes the mean loss [1] in nats over the batch's counted targets, without counting expert loads, e.g.
   * `crossEntropy(model.head(model.forward(batch).normed), batch.targets)`.
   */
  readonly loss: (batch: Batch) => Tensor;
  /** Targets that count in a batch: its weight in the mean. */
  readonly targetCount: (batch: Batch) => number;
  /** Mean bytes of text behind a target; gives bits per byte. */
  readonly bytesPerToken?: number;
}

/**
 * Mean loss in nats per token over all counted targets of the batches, each target weighing the same, and bits per byte:
 * nats / ln 2 / bytesPerToken. Nothing is recorded for backward and all memory is given back: a training run goes on
 * as if it had not been called. Sums in f64; the GPU has a batch queued while the one before is read.
 *
 * @throws OutOfRangeError when no target counts or bytesPerToken is not above 0; NonFiniteError naming the batch.
 */
export async function evaluate<Batch>(
  options: EvaluateOptions<Batch>,
): Promise<Pick<ValidationRecord, "validationLoss" | "bitsPerByte">> {
  const { bytesPerToken } = options;
  if (bytesPerToken !== undefined) requirePositive("bytesPerToken", bytesPerToken, "a number above 0");
  const { sum, count } = await sumLosses(options);
  requirePositive("batches", count, "at least one counted target");
  const validationLoss = sum / count;
  if (bytesPerToken === undefined) return { validationLoss };
  return { validationLoss, bitsPerByte: validationLoss / Math.LN2 / bytesPerToken };
}

async function sumLosses<Batch>({ gpu, batches, loss, targetCount }: EvaluateOptions<Batch>): Promise<{
  readonly sum: number;
  readonly count: number;
}> {
  let sum = 0;
  let count = 0;
  let index = 0;
  let add = async (): Promise<void> => {};
  for (const batch of batches) {
    const operand = `batch ${index++}`;
    const weight = targetCount(batch);
    if (weight === 0) continue;
    const reading = encode(gpu, () => loss(batch));
    await add();
    add = async () => {
      sum += weight * finite(operand, await reading);
    };
    count += weight;
  }
  await add();
  return { sum, count };
}

/** Starts reading a loss. The scope opens and closes without an await in between, so it cannot meet another task's. */
function encode(gpu: Gpu, loss: () => Tensor): Promise<number> {
  using _scope = gpu.scope("evaluate");
  const reading = gpu.noGrad(loss).item();
  // Read a batch late: a rejection before that is not unhandled.
  reading.catch(() => {});
  return reading;
}

function finite(operand: string, loss: number): number {
  if (Number.isFinite(loss)) return loss;
  throw new NonFiniteError({ op: "evaluate", operand, expected: "a finite loss", actual: `${loss}` });
}

function requirePositive(operand: string, value: number, expected: string): void {
  if (value > 0) return;
  throw new OutOfRangeError({ op: "evaluate", operand, expected, actual: `${value}` });
}
