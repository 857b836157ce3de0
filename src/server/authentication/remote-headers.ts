/**
 * The headers in which a front proxy says whom a request is from, written and read as upstream's `--requestheader-*` options have them. Pure.
 *
 * Kept true: what is written is read back the same, whatever stands in names; whoever writes them writes all of them.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { UserInfo } from '../../registry/request.ts';

export const remoteHeaders = {
  user: 'X-Remote-User',
  uid: 'X-Remote-Uid',
  group: 'X-Remote-Group',
  extraPrefix: 'X-Remote-Extra-',
} as const;

/** The common name that a front proxy's certificate must bear. */
export const frontProxyName = 'front-proxy-client';

export type RemoteHeaderPairs = readonly (readonly [name: string, value: string])[];

export function remoteHeaderPairs({ name, uid, groups, extra = {} }: UserInfo): RemoteHeaderPairs {
  return [
    [remoteHeaders.user, headerText(name)],
    ...(uid ? [[remoteHeaders.uid, headerText(uid)] as const] : []),
    ...groups.map((group) => [remoteHeaders.group, headerText(group)] as const),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => [`${remoteHeaders.extraPrefix}${escapedKey(key)}`, headerText(value)] as const),
    ),
  ];
}

/** Go writes a header's UTF-8 as it is, and Node the low byte of each character. */
const headerText = (text: string): string =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[\0\r\n]/g, ' ');

const plainText = (text: string): string => Buffer.from(text, 'latin1').toString('utf8');

/** A header's name is a token (RFC 9110); all else, and the escape itself, goes as bytes in hexadecimal. */
function escapedKey(key: string): string {
  return Buffer.from(key, 'utf8')
    .toString('latin1')
    .replace(/[^!#$&'*+\-.^_`|~0-9a-zA-Z]/g, (character) => `%${hexOf(character)}`);
}

const hexOf = (character: string): string => character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');

/** Undefined where nobody is named. */
export function remoteUser(distinct: DistinctHeaders): UserInfo | undefined {
  const first = (name: string): string => plainText(distinct[name.toLowerCase()]?.find((each) => each !== '') ?? '');
  const name = first(remoteHeaders.user);
  if (name === '') return undefined;
  const uid = first(remoteHeaders.uid);
  const groups = (distinct[remoteHeaders.group.toLowerCase()] ?? []).filter((each) => each !== '').map(plainText);
  const extra = extraOf(distinct);
  return { name, groups, ...(uid !== '' && { uid }), ...(Object.keys(extra).length > 0 && { extra }) };
}

/** By name in lower case. */
export type DistinctHeaders = Readonly<Record<string, readonly string[] | undefined>>;

function extraOf(distinct: DistinctHeaders): Record<string, readonly string[]> {
  const prefix = remoteHeaders.extraPrefix.toLowerCase();
  const extra: Record<string, readonly string[]> = {};
  for (const [name, values = []] of Object.entries(distinct)) {
    if (!name.startsWith(prefix)) continue;
    const key = unescapedKey(name.slice(prefix.length));
    extra[key] = [...(extra[key] ?? []), ...values.map(plainText)];
  }
  return extra;
}

function unescapedKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Those of a front proxy, as an exchange has them: repeated ones are kept apart. */
export function distinctHeaders(headers: IncomingHttpHeaders): DistinctHeaders {
  const remote = Object.entries(headers).filter(([name]) => name.startsWith('x-remote-'));
  return Object.fromEntries(remote.map(([name, value]) => [name, value === undefined ? [] : [value].flat()]));
}
