import type { Drawing } from "./chart-drawing.ts";
import { escapeHtml } from "./report-format.ts";

/** A card of the page; `body` is HTML, the others are text. */
export function section(
  { title, note = "", id }: { readonly title: string; readonly note?: string; readonly id?: string },
  body: string,
): string {
  const anchor = id === undefined ? "" : ` id="${escapeHtml(id)}"`;
  const explanation = note === "" ? "" : `<p class="note">${escapeHtml(note)}</p>`;
  return `<section${anchor}><h2>${escapeHtml(title)}</h2>${explanation}${body}</section>`;
}

/** A drawing, in the one of its two widths that fits; `description` is what a reader hears who does not see it. */
export function figure({ wide, narrow }: Drawing, description: string): string {
  const one = (name: string, svg: string) =>
    `<div class="${name}" role="img" aria-label="${escapeHtml(description)}">${svg}</div>`;
  return one("wide", wide) + one("narrow", narrow);
}

/** A chart's legend of strokes: text and the CSS variable of its colour. */
export function strokeKey(entries: readonly (readonly [name: string, colour: string])[]): string {
  const key = ([name, colour]: readonly [string, string]) =>
    `<span><i class="stroke" style="background:var(${colour})"></i>${escapeHtml(name)}</span>`;
  return `<div class="scale">${entries.map(key).join("")}</div>`;
}
