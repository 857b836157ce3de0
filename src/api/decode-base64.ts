/**
 * Base64 as Go's standard encoding reads it: with padding, line breaks ignored, the bits behind the last byte ignored too. What
 * comes out is what Go would write again.
 */
import { DecodeError } from './decode-error.ts';

const quantum = 4;

/** @throws DecodeError that names the byte at which Go would give up */
export function decodeBase64(text: string): string {
  const joined = text.includes('\n') || text.includes('\r') ? text.replaceAll(/[\r\n]/g, '') : text;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(joined)) {
    throw new DecodeError(`illegal base64 data at input byte ${brokenAt(text)}`);
  }
  if (!joined.endsWith('=')) return joined;
  const start = joined.length - quantum;
  return joined.slice(0, start) + Buffer.from(joined.slice(start), 'base64').toString('base64');
}

/** Line breaks are counted, and never at fault. */
function brokenAt(text: string): number {
  const places = [...text.matchAll(/[^\r\n]/g)].map(({ index }) => index);
  const at = (place: number): number => places[place] ?? text.length;
  let place = 0;
  while (place < places.length && isDigit(text, at(place))) place++;
  const inQuantum = place % quantum;
  // The text ends within four characters: they are at fault together.
  if (place === places.length) return text.length - inQuantum;
  if (text[at(place)] !== '=' || inQuantum < 2) return at(place);
  if (inQuantum === 3) return at(place + 1);
  if (place + 1 >= places.length) return text.length;
  return text[at(place + 1)] === '=' ? at(place + 2) : at(place + 1) - 1;
}

function isDigit(text: string, at: number): boolean {
  return /[A-Za-z0-9+/]/.test(text[at] ?? '');
}
