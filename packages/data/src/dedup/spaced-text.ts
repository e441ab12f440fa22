import { fitUnits } from "./fit-units.ts";

/** A buffer for texts up to composition and white space: NFC, each run of white space one space, none at the ends. */
export class SpacedText {
  units: Uint16Array = new Uint16Array(1 << 12);
  length = 0;

  /** Replace the content by a text's form. */
  set(text: string): void {
    const composed = text.normalize("NFC");
    this.units = fitUnits(this.units, composed.length);
    const out = this.units;
    let end = 0;
    let isGap = true; // white space at the start goes
    for (let i = 0; i < composed.length; i++) {
      const unit = composed.charCodeAt(i);
      if (!isWhite(unit)) {
        out[end++] = unit;
        isGap = false;
      } else if (!isGap) {
        out[end++] = 0x20;
        isGap = true;
      }
    }
    this.length = isGap && end > 0 ? end - 1 : end;
  }
}

/** Unicode's White_Space, and U+FEFF as in JavaScript's \s. */
function isWhite(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 9 && unit <= 13);
  if (unit < 0x1680) return unit === 0xa0 || unit === 0x85;
  return (
    unit === 0x3000 ||
    unit === 0x1680 ||
    unit === 0xfeff ||
    unit === 0x202f ||
    unit === 0x205f ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029
  );
}
