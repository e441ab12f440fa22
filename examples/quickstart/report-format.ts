import type { StageRecord } from "./run-record.ts";

/** Text as it may stand between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}

/** A noun with `a` or `an` before it. */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}

/** 3.25 -> `3.250` */
export function nats(value: number | undefined): string {
  return value === undefined ? "none" : value.toFixed(3).replace("-", "−");
}

/** 0.25 -> `+0.250` */
export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

/** A stage's figure in its unit: `3.250`, or `61.3%` of a share. */
export function inUnit(value: number, unit: StageRecord["unit"]): string {
  return unit === "share" ? `${(value * 100).toFixed(1)}%` : nats(value);
}

/** 30720 -> `30,720` */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Three figures: 612 K, 1.24 M. */
export function short(value: number): string {
  const [unit, name] = value >= 1e6 ? [1e6, " M"] : [1e3, " K"];
  return value < 1e3 ? count(value) : `${(value / unit).toPrecision(3)}${name}`;
}

/** 125 -> `2 min 05 s` */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}
