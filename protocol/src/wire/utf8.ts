/** Strict UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. */

/** Bits of the code point in a lead byte, how many bytes follow, and the lowest code point that needs this form. */
function formOf(lead: number): { readonly bits: number; readonly following: number; readonly lowest: number } | undefined {
  if (lead < 0x80) return { bits: lead, following: 0, lowest: 0 };
  if (lead >= 0xc0 && lead < 0xe0) return { bits: lead & 0x1f, following: 1, lowest: 0x80 };
  if (lead >= 0xe0 && lead < 0xf0) return { bits: lead & 0x0f, following: 2, lowest: 0x800 };
  if (lead >= 0xf0 && lead < 0xf8) return { bits: lead & 0x07, following: 3, lowest: 0x1_0000 };
  return undefined;
}

/** The text, or undefined where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const form = formOf(bytes[at++] as number);
    if (form === undefined || form.following > bytes.length - at) return undefined;
    let point = form.bits;
    for (let i = 0; i < form.following; i++) {
      const byte = bytes[at++] as number;
      if ((byte & 0xc0) !== 0x80) return undefined;
      point = (point << 6) | (byte & 0x3f);
    }
    if (point < form.lowest || point > 0x10_ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

/** Bytes that a text takes; a lone surrogate counts as three. */
export function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return length;
}
