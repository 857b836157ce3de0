/** One request of the run, as a value: what is sent, by whom, and over which kind of connection. */
import type { ResourceInfo } from '../../../src/api/resources.ts';

export type User = 'admin' | 'anonymous' | 'node';

export interface FuzzRequest {
  readonly index: number;
  readonly family: string;
  readonly user: User;
  readonly transport: 'http2' | 'http1';
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** What the client does to its connection meanwhile; undefined: it behaves. */
  readonly abuse?: string;
  /** The resource that the URL names, where what is accepted can be read back. */
  readonly resource?: ResourceInfo;
  /** Of a raw connection: what is written in place of a request, piece by piece. */
  readonly raw?: readonly Buffer[];
}

const headersShown = 20;

/** What a person needs in order to see what was sent. */
export function describeRequest(request: FuzzRequest): string {
  const { index, family, user, transport, method, path, headers, body, abuse, raw } = request;
  const lines = [
    `request ${index} (${family}, as ${user}, ${transport}${abuse === undefined ? '' : `, ${abuse}`})`,
    `${method} ${shown(path)}`,
    ...Object.entries(headers)
      .slice(0, headersShown)
      .map(([name, value]) => `${name}: ${shown(value, 100)}`),
  ];
  if (body !== undefined) lines.push(`${body.length} bytes: ${shownBytes(body)}`);
  for (const piece of raw ?? []) lines.push(`raw: ${shownBytes(piece)}`);
  return lines.join('\n  ');
}

const shown = (text: string, max = 600): string =>
  text.length > max ? `${text.slice(0, max)}… (${text.length})` : text;

function shownBytes(bytes: Buffer): string {
  const text = bytes.subarray(0, 1_500).toString('latin1');
  const escaped = text.replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return bytes.length > 1_500 ? `${escaped}…` : escaped;
}
