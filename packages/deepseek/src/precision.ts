import { ConfigError } from "@ds3/errors";
import { fp8Linears } from "@ds3/fp8";
import type { MlaSite } from "@ds3/mla";
import type { MlpSite, MoeOptions } from "@ds3/moe";
import { halfGroupedLinear, halfLinear, type Tensor } from "@ds3/tensor";

/** What the products of the linear layers read. Embedding, head, router, norms, attention and all sums are f32. */
export type Precision = "f32" | "f16" | "bf16" | "fp8";

/** All precisions. */
export const precisions: readonly Precision[] = ["f32", "f16", "bf16", "fp8"];

/** The weight that a linear layer reads, by its name in a layer: of attention, feed-forward networks and MTP modules. */
export type LinearSite = MlaSite | MlpSite | "ehProj";

/** The linear layers of a model. Those that are absent are composed of the others; by default all compute in f32. */
export interface Linears extends Pick<MoeOptions, "gatedLinear" | "groupedLinear" | "groupedGatedLinear"> {
  /**
   * Linear layers of attention, dense networks, shared experts and MTP modules: x [T, in], weight [out, in] -> [T, out],
   * a tensor of its own that its backward does not read.
   */
  readonly linear?: (x: Tensor, weight: Tensor, site: LinearSite) => Tensor;
}

/** The names of `Linears`. */
export const linearNames: readonly (keyof Linears)[] = ["linear", "gatedLinear", "groupedLinear", "groupedGatedLinear"];

/**
 * The linear layers of a precision, or those that were given.
 * @throws ConfigError when both are: it would be unclear which counts.
 */
export function resolveLinears({ precision, ...options }: Linears & { readonly precision?: Precision }): Linears {
  const own = linearNames.filter((name) => options[name]);
  if (precision === undefined) return Object.fromEntries(own.map((name) => [name, options[name]]));
  if (own.length === 0) return linearsOf(precision);
  const [why, what] =
    own.length === 1 ? ["decides the precision itself", own[0]] : ["decide the precision themselves", "them"];
  const expected = `no ${own.join(" and no ")} beside it, which ${why}`;
  const actual = `"${precision}" and ${what}`;
  const hint = "Leave out either the precision or the linear layers.";
  throw new ConfigError({ op: "createDeepseek", operand: "precision", expected, actual, hint });
}

function linearsOf(precision: Precision): Linears {
  if (precision === "f32") return {};
  if (precision === "fp8") return fp8Linears();
  return { linear: halfLinear(precision), groupedLinear: halfGroupedLinear(precision) };
}
