/** 1234567 -> `1,234,567` */
export function formatCount(value: number): string {
  return value.toLocaleString("en-US");
}

/** 1234567 -> `1.2 MB`, in powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power]}`;
}

/** .1234 -> `12.3 %` */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Seconds as a person reads them. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${Math.round(seconds % 60)} s`;
}

/** Rows of cells as aligned lines: the first column to the left, the others to the right. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ""))));
  const lines = all.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column]!, column === 0))
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
}

function pad(text: string, width: number, toTheLeft: boolean): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return toTheLeft ? text + space : space + text;
}

/** Columns that a text takes in a terminal: Chinese, Japanese and Korean characters take two. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u.test(
        character,
      )
        ? 2
        : 1;
  return width;
}
