import type { BenchCase, BenchContext } from "./bench-case.ts";
import { ratioFigures } from "./compared-case.ts";
import type { Figure } from "./figure.ts";
import { type ComparedModel, type ComparedPrecision, comparedModels, createCompared } from "./fp8-models.ts";
import { measureTraining } from "./measure-training.ts";
import { constantBatches, trainingFlops } from "./mini.ts";

/** Training steps in FP8, with moments in bf16, beside f32 and bf16. */
export const fp8TrainingCases: readonly BenchCase[] = comparedModels.map((compared) => {
  const name = `fp8.train.${compared.name}`;
  const others = ["f32", "bf16"] as const;
  const run = async (context: BenchContext): Promise<Figure[]> => {
    const figures = [await trainingFigure(name, compared, "fp8", context)];
    for (const other of others) figures.push(await trainingFigure(`${name}.${other}`, compared, other, context));
    return [...figures, ...ratioFigures(figures[0]!, others, figures.slice(1))];
  };
  return { name, run };
});

async function trainingFigure(
  name: string,
  compared: ComparedModel,
  precision: ComparedPrecision,
  context: BenchContext,
): Promise<Figure> {
  using _model = context.gpu.scope(name);
  const { model, batch, optimizer } = createCompared(context.gpu, compared, precision);
  const batches = constantBatches(batch, batch.inputs.length);
  const flopsPerToken = trainingFlops(model.config, batch.length);
  const figure = await measureTraining({ name, model, batches, flopsPerToken, optimizer }, context);
  await context.gpu.trim();
  return figure;
}
