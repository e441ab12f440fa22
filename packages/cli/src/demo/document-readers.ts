/**
 * How each demo package's files become documents. Pure functions from file contents to texts, in the order of the paths,
 * so that the same packages always give the same list.
 */

/** Files of one npm package: path inside the package -> UTF-8 content. */
export type PackageFiles = ReadonlyMap<string, string>;

/** A document longer than this is cut at comment blocks, so that one huge interface does not become one document. */
const LONGEST_TYPING_BLOCK = 8_000;

/** State of the Union addresses, 1790 to 2021: one document a speech, its year and speaker as the first line. */
export function readSpeeches(files: PackageFiles): string[] {
  return byPath(files).map(([, content]) => {
    const speech = JSON.parse(content) as { year: number; name: string; text: string };
    return `State of the Union ${speech.year}, ${speech.name}\n\n${speech.text}`;
  });
}

/** Country profiles: one document a profile, the short name as the first line, then one `Field: value` line a leaf. */
export function readCountries(files: PackageFiles): string[] {
  const documents = byPath(files).map(([path, content]) => countryDocument(path, JSON.parse(content) as Section));
  return documents.filter((text) => text !== "");
}

/** Chinese-commented API typings: one document an interface, function or type, together with the comment above it. */
export function readTypings(files: PackageFiles): string[] {
  return byPath(files).flatMap(([, content]) => splitDeclarations(content));
}

interface Section {
  readonly [field: string]: Section | string | null;
}

function countryDocument(path: string, profile: Section): string {
  const lines = [...leaves(profile, [])];
  if (lines.length === 0) return "";
  return `${shortName(profile) ?? path}\n\n${lines.join("\n")}`;
}

function* leaves(section: Section, path: readonly string[]): Generator<string> {
  for (const [field, value] of Object.entries(section)) {
    if (value === null) continue;
    if (typeof value !== "string") yield* leaves(value, [...path, field]);
    else if (field === "text" && value.trim() !== "") yield `${path.join(" > ")}: ${value.trim()}`;
  }
}

function shortName(profile: Section): string | undefined {
  let node: Section | string | null | undefined = profile;
  for (const field of ["Government", "Country name", "conventional short form", "text"]) {
    node = typeof node === "object" ? node?.[field] : undefined;
  }
  return typeof node === "string" && node !== "none" ? node : undefined;
}

const COMMENT = /^ {0,4}\/\*\*/;
const DECLARATION = /^ {0,4}(?:export |declare |abstract )*(?:interface|class|function|type|const|enum)\b/;

function splitDeclarations(content: string): string[] {
  const blocks: string[][] = [];
  let declared = true;
  for (const line of content.split(/\r?\n/)) {
    const declares = DECLARATION.test(line);
    if (declared && (declares || COMMENT.test(line))) {
      blocks.push([]);
      declared = false;
    }
    declared ||= declares;
    blocks.at(-1)?.push(line);
  }
  return blocks.flatMap(cutLongBlock).filter((text) => text !== "");
}

/** Cuts at the comments of an interface's own members once a piece has grown past the limit. */
function cutLongBlock(lines: readonly string[]): string[] {
  const pieces: string[] = [];
  let piece: string[] = [];
  let size = 0;
  for (const line of lines) {
    if (size > LONGEST_TYPING_BLOCK && /^\s*\/\*\*/.test(line)) {
      pieces.push(dedent(piece));
      piece = [];
      size = 0;
    }
    piece.push(line);
    size += line.length + 1;
  }
  return [...pieces, dedent(piece)];
}

/** Removes the first line's indentation from every line. */
function dedent(lines: readonly string[]): string {
  const first = lines.find((line) => line.trim() !== "") ?? "";
  const indent = new RegExp(`^ {0,${first.length - first.trimStart().length}}`);
  return lines
    .map((line) => line.replace(indent, ""))
    .join("\n")
    .trim();
}

function byPath(files: PackageFiles): [string, string][] {
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1));
}
