/**
 * The printable stand-ins of byte-level BPE (GPT-2's `bytes_to_unicode`): every byte has one character, so a token is
 * a string without control characters or spaces. Printable Latin-1 bytes stand for themselves; the other 68 take the
 * code points from U+0100 on, in byte order (space is U+0120 "Ġ", newline U+010A "Ċ").
 */
const encoder = new TextEncoder();

function buildCharCodes(): Uint16Array {
  const codes = new Uint16Array(256);
  let standIn = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    codes[byte] = isPrintable ? byte : standIn++;
  }
  return codes;
}

const charCodeOfByte = buildCharCodes();
const byteOfCharCode: Int16Array = new Int16Array(0x144).fill(-1);
charCodeOfByte.forEach((code, byte) => {
  byteOfCharCode[code] = byte;
});

/** The printable stand-in of one byte. */
export function charOfByte(byte: number): string {
  return String.fromCharCode(charCodeOfByte[byte]!);
}

/** The 256 bytes in the order of their stand-ins' code points, the order in which training numbers them. */
export function bytesInAlphabetOrder(): number[] {
  return Array.from({ length: 256 }, (_, byte) => byte).sort((a, b) => charCodeOfByte[a]! - charCodeOfByte[b]!);
}

/**
 * The bytes that a token stands for.
 *
 * A token with any character outside the alphabet (an added token such as `<｜User｜>`) stands for its own UTF-8.
 */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const code = token.charCodeAt(i);
    const byte = code < byteOfCharCode.length ? byteOfCharCode[code]! : -1;
    if (byte < 0) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}
