/** Every occurrence of `pattern` replaced; an empty pattern is found around each character, as in Rust. */
export function replaceEvery(text: string, pattern: string, content: string): string {
  if (pattern !== "") return text.includes(pattern) ? text.split(pattern).join(content) : text;
  return `${content}${Array.from(text, (character) => character + content).join("")}`;
}

/**
 * Every match of a global RegExp replaced by `content`, which is taken literally.
 *
 * Oniguruma skips an empty match right behind another match, and HF does not look into an empty text.
 */
export function replaceMatches(text: string, regex: RegExp, content: string): string {
  let result = "";
  let end = -1;
  for (const match of text === "" ? [] : text.matchAll(regex)) {
    if (match[0] === "" && match.index === end) continue;
    result += text.slice(Math.max(end, 0), match.index) + content;
    end = match.index + match[0].length;
  }
  return result + text.slice(Math.max(end, 0));
}
