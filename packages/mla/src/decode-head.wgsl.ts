import { type DotRowsWgsl, dotRowsWgsl, type Team } from "@ds3/tensor";

/** Compile-time sizes: they fix what a lane keeps in registers. Multiples of 4. */
export interface DecodeHeadParams {
  readonly team: Team;
  /** There is a query latent; without one queries come straight from the hidden state. */
  readonly projected: boolean;
  readonly nope: number;
  readonly R: number;
  readonly C: number;
}

/** Where a kernel keeps what a head reads: WGSL expressions for vector `i` of each. */
export interface DecodeHeadSources {
  /** What qkvA made of the token: query part, latent, rope key. */
  readonly down: (i: string) => string;
  /** First vector of the latent in `down`. */
  readonly latentStart: string;
  readonly qNorm: (i: string) => string;
  readonly qB: (i: string) => string;
  readonly kvNorm: (i: string) => string;
  readonly kvB: (i: string) => string;
}

/** Uniforms that the text below reads. */
export const decodeHeadUniforms: Readonly<
  Record<"capacity" | "Q4" | "query" | "nope" | "value", "u32"> & Record<"scale" | "latentEps", "f32">
> = { capacity: "u32", Q4: "u32", query: "u32", nope: "u32", value: "u32", scale: "f32", latentEps: "f32" };

/** The text in parts: see `decodeHeadWgsl`. */
export interface DecodeHeadWgsl {
  readonly declarations: string;
  readonly newEntry: string;
  readonly storeEntry: string;
  readonly head: (result: string) => string;
  /** The team's part of a kernel's label. */
  readonly teamLabel: string;
}

/**
 * The text of one new token's attention over a latent cache with absorbed up-projections, head by head (DeepSeek-V3
 * report, Eq. 1 to 11), for kernels with `step` and `entries` bound, the variables a, lane and `decodeHeadUniforms`:
 *
 *   q = rotate(W_QB norm(down_q));  c = norm(down_kv);  r = rotate(down_rope)
 *   qLatent = W_UK^T q_nope;  score_s = scale (qLatent c_s + q_rope r_s);  out = W_UV (sum_s p_s c_s)
 *
 * entries [batch, capacity, C + R]; step f32 [A, 2 + R]: tokens held, cache row, R / 2 cosines and R / 2 sines of the
 * position. `newEntry` comes once, `storeEntry` where one team writes it, `head(result)` for head `n`: `result` is WGSL
 * that takes the numbers `element` [value], the i-th in every lane.
 */
export function decodeHeadWgsl(params: DecodeHeadParams, sources: DecodeHeadSources): DecodeHeadWgsl {
  const { team, nope, R, C } = params;
  const product = dotRowsWgsl(team, { short: true });
  const context: HeadContext = { ...params, ...sources, product, ...slotsOf(team, C, R) };
  return {
    declarations: `${product.declarations}
const C4 = ${C / 4}u;
const R4 = ${R / 4}u;
var<private> q: array<f32, ${nope + R}>; // the head's query, equal in every lane
fn turn(v: vec4f, first: u32, angles: u32) -> vec4f { // two pairs, from pair \`first\` on
  let c = vec2f(step[angles + first], step[angles + first + 1u]);
  let s = vec2f(step[angles + ${R / 2}u + first], step[angles + ${R / 2}u + first + 1u]);
  return vec4f(v.x * c.x - v.y * s.x, v.x * s.x + v.y * c.x, v.z * c.y - v.w * s.y, v.z * s.y + v.w * c.y);
}`,
    newEntry: newEntryWgsl(context),
    storeEntry: storeEntryWgsl(context),
    head: (result) => headWgsl(context, result),
    teamLabel: product.teamLabel,
  };
}

/** What the parts of the text share. A lane keeps vector lane + j lanes of a latent, and of a rope key, for each slot j. */
interface HeadContext extends DecodeHeadParams, DecodeHeadSources {
  readonly product: DotRowsWgsl;
  readonly slots: readonly number[];
  readonly ropeSlots: readonly number[];
  /** The vector of slot j. */
  readonly at: (j: number) => string;
}

function slotsOf({ size }: Team, C: number, R: number): Pick<HeadContext, "slots" | "ropeSlots" | "at"> {
  const slots = (numbers: number): number[] => Array.from({ length: Math.ceil(numbers / 4 / size) }, (_, j) => j);
  return { slots: slots(C), ropeSlots: slots(R), at: (j) => `lane + ${j * size}u` };
}

function each(list: readonly number[], line: (j: number) => string): string {
  return list.map(line).join("\n");
}

function newEntryWgsl({
  projected,
  R,
  C,
  product,
  slots,
  ropeSlots,
  at,
  down,
  latentStart,
  kvNorm,
}: HeadContext): string {
  const queryScale = product.inverseRms({ name: "queryScale", x: down, length: "u.Q4", eps: "u.latentEps" });
  return `
  let place = a * ${2 + R}u;
  let held = u32(step[place]);
  let firstEntry = u32(step[place + 1u]) * u.capacity;
${projected ? queryScale : ""}
  var squares = 0.0;
${each(
  slots,
  (j) => `  var fresh${j} = vec4f();
  if (${at(j)} < C4) { fresh${j} = ${down(`${latentStart} + ${at(j)}`)}; }
  squares += dot(fresh${j}, fresh${j});`,
)}
  let latentScale = inverseSqrt(teamSum(squares, lane) / ${C}.0 + u.latentEps);
${each(slots, (j) => `  if (${at(j)} < C4) { fresh${j} *= ${kvNorm(at(j))} * latentScale; }`)}
${each(
  ropeSlots,
  (j) => `  var freshRope${j} = vec4f();
  if (${at(j)} < R4) { freshRope${j} = turn(${down(`${latentStart} + C4 + ${at(j)}`)}, 2u * (${at(j)}), place + 2u); }`,
)}
  // Lanes beyond a row repeat its last vector and drop it.
${each(slots, (j) => `  let column${j} = min(${at(j)}, C4 - 1u);`)}
${each(ropeSlots, (j) => `  let ropeColumn${j} = C4 + min(${at(j)}, R4 - 1u);`)}`;
}

function storeEntryWgsl({ slots, ropeSlots, at }: HeadContext): string {
  return `
    let goal = (firstEntry + held) * (C4 + R4);
${each(slots, (j) => `    if (${at(j)} < C4) { entries[goal + ${at(j)}] = fresh${j}; }`)}
${each(ropeSlots, (j) => `    if (${at(j)} < R4) { entries[goal + C4 + ${at(j)}] = freshRope${j}; }`)}`;
}

/** The head's query from the query latent. */
function projectQueryWgsl({ product: { dotRows, width }, down, qNorm, qB }: HeadContext): string {
  return `
  for (var r = 0u; r < u.query; r++) { q[r] = 0.0; }
  for (var k = 0u; k < u.Q4; k += ${width}u) ${dotRows({
    x: (i) => `${down(i)} * ${qNorm(i)} * queryScale`,
    rows: { q: (r) => `(n * u.query + ${r}) * u.Q4` },
    weight: qB,
    ...{ length: "u.Q4", from: "k", count: "u.query" },
    use: "q[r] += dot_q;",
  })}
  for (var r = 0u; r < u.query; r++) { q[r] = teamSum(q[r], lane); }`;
}

/** The head's query where the first product gave it. */
function copyQueryWgsl({ down }: HeadContext): string {
  return `
  for (var i = 0u; i < u.query / 4u; i++) {
    let v = ${down("n * u.query / 4u + i")};
    q[4u * i] = v.x;
    q[4u * i + 1u] = v.y;
    q[4u * i + 2u] = v.z;
    q[4u * i + 3u] = v.w;
  }`;
}

/** Adds a token whose vectors are c0.. and r0.. to the running softmax. */
function attendWgsl({ slots, ropeSlots }: HeadContext): string {
  return `
    let dots = ${[...slots.map((j) => `dot(qLatent${j}, c${j})`), ...ropeSlots.map((j) => `dot(qRope${j}, r${j})`)].join(" + ")};
    let score = teamSum(dots, lane) * u.scale;
    let top = max(largest, score);
    let keep = exp(largest - top);
    let weight = exp(score - top);
    largest = top;
    total = total * keep + weight;
${each(slots, (j) => `    mean${j} = mean${j} * keep + weight * c${j};`)}`;
}

function headWgsl(context: HeadContext, result: string): string {
  const { projected, product, slots, ropeSlots, at, kvB } = context;
  const attend = attendWgsl(context);
  return `${projected ? projectQueryWgsl(context) : copyQueryWgsl(context)}
${each(
  ropeSlots,
  (j) => `  var qRope${j} = vec4f();
  if (${at(j)} < R4) {
    let i = u.nope + 4u * (${at(j)});
    qRope${j} = turn(${product.vectorOf("q", "i")}, 2u * (${at(j)}), place + 2u);
  }`,
)}
  let weightRow = n * (u.nope + u.value);
${each(slots, (j) => `  var qLatent${j} = vec4f();`)}
  for (var i = 0u; i < u.nope; i++) {
    let row = (weightRow + i) * C4;
${each(slots, (j) => `    qLatent${j} += q[i] * ${kvB(`row + column${j}`)};`)}
  }
${each(slots, (j) => `  if (${at(j)} >= C4) { qLatent${j} = vec4f(); }`)}
  var largest = -3.0e38;
  var total = 0.0;
${each(slots, (j) => `  var mean${j} = vec4f();`)}
  for (var s = 0u; s < held; s++) {
    let source = (firstEntry + s) * (C4 + R4);
${each(slots, (j) => `    let c${j} = entries[source + column${j}];`)}
${each(ropeSlots, (j) => `    let r${j} = entries[source + ropeColumn${j}];`)}${attend}
  }
  {
${each(slots, (j) => `    let c${j} = fresh${j};`)}
${each(ropeSlots, (j) => `    let r${j} = freshRope${j};`)}${attend}
  }
${each(slots, (j) => `  if (${at(j)} >= C4) { mean${j} = vec4f(); }`)}
  for (var i = 0u; i < u.value; i++) {
    let row = (weightRow + u.nope + i) * C4;
    let element = teamSum(${slots.map((j) => `dot(mean${j}, ${kvB(`row + column${j}`)})`).join(" + ")}, lane) / total;
    ${result}
  }`;
}
