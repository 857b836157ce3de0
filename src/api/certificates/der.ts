/**
 * A reader for DER (X.690): element by element, over the caller's bytes, nothing copied. What certificates and requests need, and no
 * more: tags below 31, definite lengths. Errors have Go's words, since the API shows them to clients.
 */

export interface DerElement {
  /** The first byte: class, form and number. */
  readonly tag: number;
  readonly content: Buffer;
  /** With tag and length. */
  readonly whole: Buffer;
}

/** What stands there is not DER, or not what was wanted; the message has Go's words. */
export class DerError extends Error {}

export const derTag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The elements of `bytes`, one after another. @throws DerError */
export function derElements(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const element = firstElement(rest);
    elements.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return elements;
}

/** @throws DerError where it is cut short, or something follows */
export function derElement(bytes: Buffer): DerElement {
  const element = firstElement(bytes);
  if (element.whole.length < bytes.length) throw new DerError('asn1: syntax error: trailing data');
  return element;
}

function firstElement(bytes: Buffer): DerElement {
  const tag = bytes[0];
  if (tag === undefined) throw new DerError('asn1: syntax error: sequence truncated');
  if ((tag & 0x1f) === 0x1f) throw new DerError('asn1: structure error: base 128 integer too large');
  const { length, header } = lengthAt(bytes);
  if (bytes.length < header + length) throw new DerError('asn1: syntax error: data truncated');
  return { tag, content: bytes.subarray(header, header + length), whole: bytes.subarray(0, header + length) };
}

function lengthAt(bytes: Buffer): { readonly length: number; readonly header: number } {
  const first = bytes[1];
  if (first === undefined) throw new DerError('asn1: syntax error: truncated tag or length');
  if (first < 0x80) return { length: first, header: 2 };
  const count = first & 0x7f;
  if (count === 0) throw new DerError('asn1: syntax error: indefinite length found (not DER)');
  if (count > 4) throw new DerError('asn1: structure error: length too large');
  if (bytes.length < 2 + count) throw new DerError('asn1: syntax error: truncated tag or length');
  const length = bytes.readUIntBE(2, count);
  if (bytes[2] === 0) throw new DerError('asn1: structure error: superfluous leading zeros in length');
  if (length < 0x80) throw new DerError('asn1: structure error: non-minimal length');
  return { length, header: 2 + count };
}

/** The content's elements of one that must be there and have this tag. @throws DerError */
export function derChildren(element: DerElement | undefined, tag: number = derTag.sequence): DerElement[] {
  return derElements(derContent(element, tag));
}

/** @throws DerError */
export function derContent(element: DerElement | undefined, tag: number): Buffer {
  if (element === undefined) throw new DerError('asn1: syntax error: sequence truncated');
  if (element.tag !== tag) throw new DerError("asn1: structure error: tags don't match");
  return element.content;
}

/** `2.5.4.3`. @throws DerError */
export function derObjectIdentifier(element: DerElement | undefined): string {
  const content = derContent(element, derTag.objectIdentifier);
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (value > 0x7fffffff) throw new DerError('asn1: structure error: base 128 integer too large');
    if (byte & 0x80) continue;
    numbers.push(value);
    value = 0;
  }
  const [first] = numbers;
  if (first === undefined || (content.at(-1) ?? 0x80) & 0x80) {
    throw new DerError('asn1: syntax error: truncated base 128 integer');
  }
  const top = Math.min(Math.floor(first / 40), 2);
  return [top, first - top * 40, ...numbers.slice(1)].join('.');
}
