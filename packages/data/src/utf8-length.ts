import { isHighSurrogate, isLowSurrogate } from "./surrogates.ts";

/** Bytes that `text` takes in UTF-8; a lone surrogate counts as U+FFFD, three bytes, as encoders write it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1))) i++;
  }
  return bytes;
}
