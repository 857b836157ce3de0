/**
 * PEM (RFC 1421, as Go's `encoding/pem` reads it): blocks between other text. What is not a whole block (another type at its end, no
 * Base64 between) is passed over as text.
 *
 * Kept true: the time grows with the length of the text, whatever stands in it.
 */

export interface PemBlock {
  /** `CERTIFICATE`, `CERTIFICATE REQUEST`. */
  readonly type: string;
  /** It has lines of the form `Name: value`. */
  readonly hasHeaders: boolean;
  /** What it holds: DER, where it is one of ours. */
  readonly bytes: Buffer;
}

const endMark = '\n-----END ';

export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  const beginning = /(?:^|\n)-----BEGIN ([^\n]*?)-----[ \t\r]*(?=\n)/g;
  let end = -1;
  for (let found = beginning.exec(text); found !== null; found = beginning.exec(text)) {
    // The line's own newline may begin the end's line: an empty block.
    const start = beginning.lastIndex;
    if (end < start) end = text.indexOf(endMark, start);
    if (end < 0) break;
    const block = blockBetween(text, start, end, found[1] ?? '');
    if (block === undefined) continue;
    blocks.push(block);
    beginning.lastIndex = end + endMark.length;
  }
  return blocks;
}

function blockBetween(text: string, start: number, end: number, type: string): PemBlock | undefined {
  const after = end + endMark.length;
  if (!text.startsWith(`${type}-----`, after)) return undefined;
  const lineEnd = text.indexOf('\n', after);
  const trailing = text.slice(after + type.length + 5, lineEnd < 0 ? undefined : lineEnd);
  if (trailing.trim() !== '') return undefined;
  const lines = text.slice(start, end).split('\n').slice(1);
  const firstOfBody = lines.findIndex((line) => !line.includes(':'));
  const body = (firstOfBody < 0 ? [] : lines.slice(firstOfBody)).join('').replace(/[ \t\r]/g, '');
  if (body.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) return undefined;
  return { type, hasHeaders: firstOfBody !== 0 && lines.length > 0, bytes: Buffer.from(body, 'base64') };
}

/** One block as text, in lines of 64 characters. */
export function pemText(type: string, bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN ${type}-----\n${lines}-----END ${type}-----\n`;
}
