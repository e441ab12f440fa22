/** A whole page: style and drawings inside, no script, nothing fetched. `body` is HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

/** Numbers with what they are, side by side. */
export function tiles(entries: readonly (readonly [value: string, label: string])[]): string {
  const tile = ([value, label]: readonly [string, string]): string =>
    `<div class="tile"><b>${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`;
  return `<div class="tiles">${entries.map(tile).join("")}</div>`;
}

/** A part of the page. `content` is HTML. */
export function section(title: string, note: string, content: string): string {
  const notes = note === "" ? "" : `<p class="note">${escapeHtml(note)}</p>`;
  return `<section><h2>${escapeHtml(title)}</h2>${notes}${content}</section>`;
}

/** A table of texts: the first column to the left, the others to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = header.map((cell, i) => `<th scope="col"${i > 0 ? ' class="number"' : ""}>${escapeHtml(cell)}</th>`);
  const line = (cells: readonly string[]): string =>
    `<tr>${cells.map((cell, i) => (i === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td class="number">${escapeHtml(cell)}</td>`)).join("")}</tr>`;
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head.join("")}</tr></thead><tbody>${rows.map(line).join("")}</tbody></table></div>`;
}

/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (character) => names[character]!);
}

const style = `
:root {
  color-scheme: light dark;
  --page: #fafaf8; --card: #ffffff; --ink: #1d1f22; --muted: #646a72; --line: #e3e4e0;
  --first: #2761c3; --rest: #e9a98a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121315; --card: #1a1c1f; --ink: #e9e9e6; --muted: #9ba1a9; --line: #2d3035;
    --first: #74a7ff; --rest: #8a4f33;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { margin: 0 0 8px; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 0 0 4px; font-size: 18px; }
h3 { margin: 20px 0 4px; font-size: 14px; font-weight: 600; color: var(--muted); }
p { margin: 0 0 12px; max-width: 72ch; text-wrap: pretty; }
.note { color: var(--muted); font-size: 14px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: 12px; margin: 24px 0; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 12px 14px; }
.tile b { display: block; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.tile span { color: var(--muted); font-size: 13px; line-height: 1.35; display: block; }
section { padding: 20px; margin: 16px 0; }
figure { margin: 8px 0 12px; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
.narrow { display: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 7px 16px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > * { border-bottom: 0; }
tr > :last-child { padding-right: 0; }
thead th { font-weight: 500; color: var(--muted); white-space: nowrap; }
tbody th { font-weight: 400; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
details { margin: 8px 0; border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; }
summary { cursor: pointer; font-size: 14px; overflow-wrap: anywhere; }
summary b { font-weight: 600; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; margin-top: 8px; }
.pair > div:only-child { grid-column: 1 / -1; }
.pair span { display: block; color: var(--muted); font-size: 12px; }
pre { margin: 4px 0 0; padding: 10px 12px; max-height: 320px; overflow: auto; background: var(--page); border-radius: 6px;
  font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: var(--rest); color: inherit; border-radius: 2px; }
.tokens { display: flex; flex-wrap: wrap; gap: 6px; margin: 8px 0; }
.tokens code { padding: 2px 8px; background: var(--page); border: 1px solid var(--line); border-radius: 6px;
  font: 13px/1.6 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  main { padding: 24px 12px 48px; }
  h1 { font-size: 24px; }
  section { padding: 14px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .wide { display: none; }
  .narrow { display: block; }
  .pair { grid-template-columns: minmax(0, 1fr); }
}
`;
