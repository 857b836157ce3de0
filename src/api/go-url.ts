/**
 * URLs as Go's `net/url` reads them (RFC 3986 with its leniencies), which Kubernetes' formats and expressions stand on; `URL` of the platform
 * reads other texts, and changes what it reads. Pure; texts are bounded by the caller, time is linear.
 */

import { parseIp } from '../lib/ip-addresses.ts';
import { goQuote } from './field-error.ts';

export interface GoUrl {
  readonly scheme: string;
  /** What follows the scheme where no slash does: `mailto:a@b`. */
  readonly opaque: string;
  /** `user:password`, as it was written; undefined where there was none. */
  readonly user: string | undefined;
  /** With the port; IPv6 in brackets. */
  readonly host: string;
  /** Escaped, as `getEscapedPath` gives it. */
  readonly escapedPath: string;
  /** As written, without the `?`; undefined where there was no `?`. */
  readonly query: string | undefined;
  readonly fragment: string;
}

/** The text is no such URL. The message is Go's, with the text in front. */
export class UrlError extends Error {
  override name = 'UrlError';
}

/** What follows `parse "…": `. */
class Fault extends Error {}

/** An absolute URI or an absolute path, without a fragment. @throws UrlError */
export function parseRequestUri(text: string): GoUrl {
  return told(text, () => parse(text, true));
}

/** Any URL reference. @throws UrlError */
export function parseUrl(text: string): GoUrl {
  const hash = text.indexOf('#');
  const front = hash < 0 ? text : text.slice(0, hash);
  const url = told(front, () => parse(front, false));
  if (hash < 0) return url;
  return told(text, () => ({ ...url, fragment: unescape(text.slice(hash + 1), 'fragment') }));
}

export function isRequestUri(text: string): boolean {
  try {
    parse(text, true);
    return true;
  } catch {
    return false;
  }
}

function told(text: string, read: () => GoUrl): GoUrl {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new UrlError(`parse ${goQuote(text)}: ${error.message}`);
  }
}

const bare: GoUrl = {
  scheme: '',
  opaque: '',
  user: undefined,
  host: '',
  escapedPath: '',
  query: undefined,
  fragment: '',
};

function parse(text: string, isRequest: boolean): GoUrl {
  if (hasControl(text)) throw new Fault('net/url: invalid control character in URL');
  if (text === '' && isRequest) throw new Fault('empty url');
  if (text === '*') return { ...bare, escapedPath: '*' };
  const [scheme, behind] = splitScheme(text);
  const mark = behind.indexOf('?');
  const rest = mark < 0 ? behind : behind.slice(0, mark);
  const url = { ...bare, scheme, query: mark < 0 ? undefined : behind.slice(mark + 1) };
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { ...url, opaque: rest };
    if (isRequest) throw new Fault('invalid URI for request');
    if (rest.split('/', 1)[0]?.includes(':')) throw new Fault('first path segment in URL cannot contain colon');
  }
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || (!isRequest && !rest.startsWith('///')));
  if (!hasAuthority) return { ...url, escapedPath: escapedPath(rest) };
  const slash = rest.indexOf('/', 2);
  const authority = rest.slice(2, slash < 0 ? undefined : slash);
  return { ...url, ...readAuthority(authority), escapedPath: escapedPath(slash < 0 ? '' : rest.slice(slash)) };
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function splitScheme(text: string): readonly [string, string] {
  const scheme = /^[A-Za-z0-9+.-]*/.exec(text)?.[0] ?? '';
  if (text[scheme.length] !== ':' || /^[0-9+.-]/.test(scheme)) return ['', text];
  if (scheme === '') throw new Fault('missing protocol scheme');
  return [scheme.toLowerCase(), text.slice(scheme.length + 1)];
}

function readAuthority(authority: string): Pick<GoUrl, 'user' | 'host'> {
  const at = authority.lastIndexOf('@');
  const host = readHost(authority.slice(at + 1));
  if (at < 0) return { user: undefined, host };
  const user = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) throw new Fault('net/url: invalid userinfo');
  unescape(user, 'user');
  return { user, host };
}

const isOptionalPort = (text: string): boolean => /^(?::[0-9]*)?$/.test(text);

function readHost(text: string): string {
  const open = text.lastIndexOf('[');
  if (open >= 0) return readBracketed(text, open);
  const colon = text.indexOf(':');
  if (colon >= 0 && !isOptionalPort(text.slice(colon))) throw invalidPort(text.slice(colon));
  return unescape(text, 'host');
}

const invalidPort = (port: string): Fault => new Fault(`invalid port ${goQuote(port)} after host`);

/** An IPv6 address, perhaps with a zone (RFC 6874). */
function readBracketed(text: string, open: number): string {
  const close = text.lastIndexOf(']');
  if (close < 0) throw new Fault("missing ']' in host");
  const port = text.slice(close + 1);
  if (!isOptionalPort(port)) throw invalidPort(port);
  const name = text.slice(open + 1, close);
  const zone = name.indexOf('%25');
  const address = unescape(zone < 0 ? name : name.slice(0, zone), 'host');
  const shown = address + (zone < 0 ? '' : unescape(name.slice(zone), 'zone'));
  if (!address.includes(':') || parseIp(address) === undefined) {
    throw new Fault(`invalid host: ParseAddr(${goQuote(shown)}): unable to parse IP`);
  }
  return `[${shown}]${port}`;
}

type Place = 'path' | 'host' | 'zone' | 'user' | 'query' | 'fragment';

const tableOf = (pattern: RegExp): readonly boolean[] =>
  Array.from({ length: 128 }, (_, code) => pattern.test(String.fromCharCode(code)));

/** ASCII characters that hosts take as they are, and those that a path prints so. */
const isHostCharacter = tableOf(/[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]/);
const isPathCharacter = tableOf(/[A-Za-z0-9\-_.~$&+,/:;=@]/);

function unescape(text: string, place: Place): string {
  if (place === 'host' || place === 'zone') checkHost(text);
  if (!text.includes('%')) return place === 'query' ? text.replaceAll('+', ' ') : text;
  const raw = Buffer.from(text);
  let length = 0;
  for (let index = 0; index < raw.length; index++) {
    const byte = raw[index] as number;
    if (byte === 0x25) {
      raw[length++] = escapedByte(raw, index, place);
      index += 2;
    } else raw[length++] = byte === 0x2b && place === 'query' ? 0x20 : byte;
  }
  return raw.toString('utf8', 0, length);
}

function checkHost(text: string): void {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80 || code === 0x25 || isHostCharacter[code]) continue;
    throw new Fault(`invalid character ${goQuote(String.fromCharCode(code))} in host name`);
  }
}

/** What is written over the text it came from is never longer. */
function escapedByte(raw: Buffer, index: number, place: Place): number {
  const [high, low] = [hexValue(raw[index + 1]), hexValue(raw[index + 2])];
  const value = high * 16 + low;
  const isPercent = value === 0x25;
  const isBad =
    Number.isNaN(value) ||
    (place === 'host' && value < 0x80 && !isPercent) ||
    (place === 'zone' && !isPercent && value !== 0x20 && value < 0x80 && !isHostCharacter[value]);
  if (isBad) throw new Fault(`invalid URL escape ${goQuote(raw.toString('latin1', index, index + 3))}`);
  return value;
}

function hexValue(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}

const hexDigits = Buffer.from('0123456789ABCDEF');

/** Kept where it was written so that it needs no more escapes; else escaped anew. */
function escapedPath(path: string): string {
  const plain = unescape(path, 'path');
  if (/^[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]/%]*$/.test(path)) return path;
  const bytes = Buffer.from(plain);
  const escaped = Buffer.alloc(bytes.length * 3);
  let length = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (isPathCharacter[byte]) escaped[length++] = byte;
    else {
      escaped[length++] = 0x25;
      escaped[length++] = hexDigits[byte >> 4] as number;
      escaped[length++] = hexDigits[byte & 15] as number;
    }
  }
  return escaped.toString('latin1', 0, length);
}

/** `example.com:80` → `example.com` and `80`; brackets fall away. */
export function splitHostPort(host: string): { readonly hostname: string; readonly port: string } {
  const colon = host.lastIndexOf(':');
  const hasPort = colon >= 0 && isOptionalPort(host.slice(colon));
  const name = hasPort ? host.slice(0, colon) : host;
  const bracketed = name.startsWith('[') && name.endsWith(']');
  return { hostname: bracketed ? name.slice(1, -1) : name, port: hasPort ? host.slice(colon + 1) : '' };
}

/** Keys with all their values, unescaped; what cannot be read is left out, as Go does. */
export function queryValues({ query = '' }: GoUrl): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    try {
      const key = unescape(equals < 0 ? pair : pair.slice(0, equals), 'query');
      const value = equals < 0 ? '' : unescape(pair.slice(equals + 1), 'query');
      const known = values.get(key);
      if (known === undefined) values.set(key, [value]);
      else known.push(value);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }
  return values;
}

/** The same text when printed by Go. */
export function sameUrl(left: GoUrl, right: GoUrl): boolean {
  return urlText(left) === urlText(right);
}

function urlText({ scheme, opaque, user, host, escapedPath: path, query, fragment }: GoUrl): string {
  const authority = user === undefined && host === '' ? '' : `//${user === undefined ? '' : `${user}@`}${host}`;
  const front = scheme === '' ? '' : `${scheme}:`;
  return [front, opaque, authority, path, query === undefined ? '' : `?${query}`, fragment && `#${fragment}`].join('');
}
