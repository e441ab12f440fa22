/** 0.0012 -> `0.120 %` */
export function percent(value: number): string {
  return `${(value * 100).toFixed(3)} %`;
}

/** 0.0012 -> `+0.120 %`; what is rounded to nothing has no sign. */
export function signedPercent(value: number): string {
  const text = percent(value);
  if (!/[1-9]/.test(text)) return percent(0);
  return `${value < 0 ? "" : "+"}${text}`;
}

/** `a`, `a and b`, `a, b and c` */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** Sentences as a paragraph of lines that are as long as those of the page. */
export function paragraph(...sentences: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of sentences.join(" ").split(/ (?!%)/)) {
    const longer = `${lines.at(-1) ?? ""} ${word}`.trim();
    if (lines.length > 0 && longer.length <= 125) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)];
}
