import { characterClasses, SPACE, UNSPACED } from "./character-classes.ts";

/** True when `text` holds more than `most` units in a row without a space and without a character that is a word alone. */
export function hasLongRun(text: string, most: number): boolean {
  if (text.length <= most) return false;
  const classes = characterClasses();
  for (let start = 0, i = 0; i < text.length; i++) {
    const kind = classes[text.charCodeAt(i)]!;
    if (kind === SPACE || kind === UNSPACED) start = i + 1;
    else if (i - start >= most) return true;
  }
  return false;
}
