/** What stands between the quotes of text and bytes literals: escapes, and where they are not allowed. */

const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};

const escapes =
  /\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([abfnrtv\\?"'`])|([^]|$))/g;

/** @throws RangeError where an escape is none */
export function textOf(inner: string, isRaw: boolean): string {
  if (isRaw || !inner.includes('\\')) return inner.replaceAll('\r\n', '\n');
  return inner.replaceAll('\r\n', '\n').replace(escapes, (_all, hex, short, long, octal, plain) => {
    if (plain !== undefined) return simple[plain as string] ?? '';
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal as string, 8));
    const digits = (hex ?? short ?? long) as string | undefined;
    if (digits === undefined) throw new RangeError('unable to unescape string');
    return String.fromCodePoint(scalar(Number.parseInt(digits, 16)));
  });
}

/** @throws RangeError */
function scalar(code: number): number {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new RangeError('unable to unescape string');
  return code;
}

/** Of bytes, `\xff` and `\377` are one byte; characters, written or by their number, are their UTF-8. @throws RangeError */
export function bytesOf(inner: string, isRaw: boolean): Uint8Array {
  const encoder = new TextEncoder();
  if (isRaw) return encoder.encode(inner);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const match of inner.matchAll(escapes)) {
    parts.push(encoder.encode(inner.slice(from, match.index)), escapedByte(match));
    from = match.index + match[0].length;
  }
  parts.push(encoder.encode(inner.slice(from)));
  return new Uint8Array(Buffer.concat(parts));
}

function escapedByte([, hex, short, long, octal, plain]: RegExpMatchArray): Uint8Array {
  const code = short ?? long;
  if (code !== undefined) return new TextEncoder().encode(String.fromCodePoint(scalar(Number.parseInt(code, 16))));
  if (hex !== undefined) return Uint8Array.of(Number.parseInt(hex, 16));
  if (octal !== undefined) return Uint8Array.of(Number.parseInt(octal, 8));
  const text = plain === undefined ? undefined : simple[plain];
  if (text === undefined) throw new RangeError('unable to unescape string');
  return Uint8Array.of(text.charCodeAt(0));
}
