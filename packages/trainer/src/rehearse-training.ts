import { createOptimizer, type Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { encodeUpdate } from "./run-step.ts";
import type { TrainableModel } from "./types.ts";

/** A training step to compile kernels for. */
export interface RehearsalOptions<Batch> {
  readonly model: TrainableModel<Batch>;
  /** A batch of the shapes to come; its values do not matter. */
  readonly batch: Batch;
  /** Default 1. */
  readonly microBatches?: number;
  /** As the run's. */
  readonly optimizer?: OptimizerOptions;
}

/**
 * Lets the driver compile the kernels of a training step while the program does something else, e.g. reads its data.
 * Changes no tensor and no result. `model.loss`, `expertLoads` and `afterStep` are called, with `gpu.isRehearsing` true.
 *
 * The model may be one of the same config that is thrown away:
 *
 * ```ts
 * gpu.rehearse(() => rehearseTraining({ model: createDeepseek(gpu, config), batch }));
 * ```
 * @throws what `model.loss` does for such a batch; OutOfRangeError for optimiser settings.
 */
export function rehearseTraining<Batch>({ model, batch, microBatches, optimizer }: RehearsalOptions<Batch>): void {
  model.gpu.rehearse(() => {
    const own = createOptimizer(model.arena, optimizer);
    rehearseStep(model, batch, own, microBatches);
    own[Symbol.dispose]();
  });
}

/** The same with a run's own optimiser, which stays as it is. More than two micro-batches take the kernels of two. */
export function rehearseStep<Batch>(
  model: TrainableModel<Batch>,
  batch: Batch,
  optimizer: Optimizer,
  microBatches: number = 1,
): void {
  const { steps } = optimizer;
  const batches = microBatches > 1 ? [batch, batch] : [batch];
  const shares = batches.map(() => 1 / batches.length);
  try {
    model.gpu.rehearse(() => {
      using _scope = model.gpu.scope("rehearsed step");
      encodeUpdate(model, { batches, shares, tokens: 0 }, optimizer, { learningRate: 0, clipNorm: 1 });
      model.afterStep?.();
    });
  } finally {
    optimizer.steps = steps;
  }
}
