/** The report's style sheet: one column, the reader's own light or dark, no font and no image from elsewhere. */
export const reportStyle: string = `
:root {
  color-scheme: light dark;
  --page: #fafaf8; --card: #ffffff; --ink: #1d1f22; --muted: #646a72; --line: #e3e4e0;
  --train: #2761c3; --validation: #cf5a22; --mtp: #14836c; --baseline: #7a5aa8;
  --heat-0: #2a6cb8; --heat-1: #7cadda; --heat-2: #c8deef; --heat-3: #eeeeea;
  --heat-4: #f8d4b6; --heat-5: #ec985a; --heat-6: #c4541a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121315; --card: #1a1c1f; --ink: #e9e9e6; --muted: #9ba1a9; --line: #2d3035;
    --train: #74a7ff; --validation: #ff9a60; --mtp: #4fc9ad; --baseline: #bb9ae8;
    --heat-0: #62a3f0; --heat-1: #39699f; --heat-2: #28405c; --heat-3: #2a2c30;
    --heat-4: #5c3f29; --heat-5: #a5642f; --heat-6: #ff9a4a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { margin: 0 0 8px; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; }
h2 { margin: 0 0 4px; font-size: 18px; }
h3 { margin: 16px 0 4px; font-size: 14px; font-weight: 600; color: var(--muted); }
p { margin: 0 0 12px; max-width: 72ch; text-wrap: pretty; }
.note { color: var(--muted); font-size: 14px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: 12px; margin: 24px 0; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 12px 14px; }
.tile b { display: block; white-space: nowrap; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.tile span { color: var(--muted); font-size: 13px; line-height: 1.35; display: block; }
section { padding: 20px; margin: 16px 0; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
.narrow { display: none; }
.scale { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; font-size: 13px; color: var(--muted); }
.scale i { display: inline-block; width: 14px; height: 14px; border-radius: 3px; margin-right: 5px; vertical-align: -2px; }
.scale i.stroke { width: 20px; height: 3px; border-radius: 2px; vertical-align: 4px; }
blockquote { margin: 12px 0 0; padding: 12px 16px; border-left: 3px solid var(--train); background: var(--page);
  font: 15px/1.6 ui-serif, Georgia, serif; white-space: pre-wrap; overflow-wrap: anywhere; border-radius: 0 8px 8px 0; }
.scroll { overflow-x: auto; }
.scroll table { min-width: 620px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 7px 16px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > * { border-bottom: 0; }
tr > :last-child { padding-right: 0; }
th { font-weight: 500; color: var(--muted); }
a { color: var(--train); text-underline-offset: 2px; }
.facts th { width: 34%; }
.stages th[scope=row] { color: var(--ink); }
.stages .narrow { margin-top: 2px; color: var(--muted); font-size: 13px; font-weight: 400; }
.curves { display: grid; grid-template-columns: minmax(0, 1fr); gap: 8px 24px; align-items: end; margin-top: 4px; }
.row-of-2 { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.row-of-3 { grid-template-columns: repeat(3, minmax(0, 1fr)); }
.talk { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; margin-top: 12px; }
.talk > div { padding: 10px 14px; background: var(--page); border-left: 3px solid var(--line); border-radius: 0 8px 8px 0; }
.talk > div:last-child { border-left-color: var(--train); }
.talk > .prompt { grid-column: 1 / -1; padding: 0; background: none; border: 0; }
.talk + .talk { margin-top: 20px; padding-top: 16px; border-top: 1px solid var(--line); }
.talk span { display: block; color: var(--muted); font-size: 12px; }
.talk p { margin: 2px 0 0; font: 15px/1.6 ui-serif, Georgia, serif; white-space: pre-wrap; overflow-wrap: anywhere; }
.talk .prompt p { font-weight: 700; }
.talk .none { color: var(--muted); font-style: italic; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
@media (max-width: 860px) {
  .row-of-2 { grid-template-columns: minmax(0, 560px); }
  .row-of-3 { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media (max-width: 640px) {
  main { padding: 24px 12px 48px; }
  h1 { font-size: 24px; }
  section { padding: 14px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .wide { display: none; }
  .narrow { display: block; }
  .row-of-2, .row-of-3, .talk { grid-template-columns: minmax(0, 1fr); }
  .talk { gap: 8px; }
  .stages .number { width: 1%; padding: 7px 0 7px 14px; }
}
`;
