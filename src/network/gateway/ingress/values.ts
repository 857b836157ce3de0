/**
 * How values of annotations are read: text in, a value out, or an Error whose one sentence says what is taken. Pure.
 *
 * Kept true: no value has control characters, whatever it is for.
 */
import { isIP } from 'node:net';
import { isDns1123Subdomain, isWildcardDns1123Subdomain } from '../../../api/names.ts';
import { checkedRegex } from '../haproxy/regex.ts';

export type Parse<T> = (text: string) => T;

/** Longer ones are no setting of anybody's. */
const valueLengthMax = 4096;
const listLengthMax = 256;

const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const cookieName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;

/** @throws Error */
export function checkedText(text: string): string {
  if (text.length > valueLengthMax) throw new Error(`must have at most ${valueLengthMax} characters`);
  for (const char of text)
    if (char < ' ' || char === '\x7f') throw new Error('must be one line without control characters');
  return text.trim();
}

export const anyText: Parse<string> = (text) => text;

export const someText: Parse<string> = (text) => {
  if (text === '') throw new Error('must not be empty');
  return text;
};

/** As Go reads booleans. */
export const flag: Parse<boolean> = (text) => {
  if (['true', 'True', 'TRUE', 't', 'T', '1'].includes(text)) return true;
  if (['false', 'False', 'FALSE', 'f', 'F', '0'].includes(text)) return false;
  throw new Error('must be "true" or "false"');
};

export const whole =
  (min: number, max: number): Parse<number> =>
  (text) => {
    const value = Number(text);
    if (!/^\d{1,12}$/.test(text) || value < min || value > max)
      throw new Error(`must be a whole number from ${min} to ${max}`);
    return value;
  };

export const oneOf =
  <T extends string>(...words: readonly T[]): Parse<T> =>
  (text) => {
    const word = words.find((one) => one.toLowerCase() === text.toLowerCase());
    if (word === undefined) throw new Error(`must be one of ${words.join(', ')}`);
    return word;
  };

/** Seconds as a number, or with one of nginx' units (`60`, `60s`, `5m`, `1h`, `500ms`): milliseconds. */
export const timeMs: Parse<number> = (text) => {
  const [, digits = '', unit = 's'] = /^(\d{1,9})(ms|s|m|h|d)?$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 0;
  if (digits === '') throw new Error('must be a number of seconds, or one with a unit: ms, s, m, h, d');
  return Number(digits) * factor;
};

/** Bytes, with nginx' units (`8m`, `1g`, `512k`). */
export const sizeBytes: Parse<number> = (text) => {
  const [, digits = '', unit = ''] = /^(\d{1,12})([kKmMgG]?)$/.exec(text) ?? [];
  if (digits === '') throw new Error('must be a number of bytes, or one with a unit: k, m, g');
  const factor = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1;
  return Number(digits) * factor;
};

export const list =
  <T>(parse: Parse<T>): Parse<readonly T[]> =>
  (text) => {
    const items = text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    if (items.length > listLengthMax) throw new Error(`must name at most ${listLengthMax}`);
    return items.map(parse);
  };

export const nonEmpty =
  <T>(parse: Parse<readonly T[]>): Parse<readonly T[]> =>
  (text) => {
    const items = parse(text);
    if (items.length === 0) throw new Error('must not be empty');
    return items;
  };

/** `10.0.0.0/8`, `2001:db8::/32`; an address alone is itself. */
export const cidr: Parse<string> = (text) => {
  const [address = '', length, ...rest] = text.split('/');
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  const isGood = family !== 0 && rest.length === 0 && !address.includes('%');
  const isLength = length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits);
  if (!isGood || !isLength) throw new Error(`"${text}" is no range of addresses (CIDR)`);
  return `${address}/${length === undefined ? bits : Number(length)}`;
};

export const header: Parse<string> = (text) => {
  if (!headerName.test(text)) throw new Error(`"${text}" is no name of a header`);
  return text;
};

export const cookie: Parse<string> = (text) => {
  if (!cookieName.test(text)) throw new Error(`"${text}" is no name of a cookie`);
  return text;
};

export const host: Parse<string> = (text) => {
  const name = text.toLowerCase();
  const errors = name.includes('*') ? isWildcardDns1123Subdomain(name) : isDns1123Subdomain(name);
  if (errors.length > 0) throw new Error(`"${text}" is no host name`);
  return name;
};

/** Of this host and, where given, port: for the Host header. */
export const authority: Parse<string> = (text) => {
  if (!/^[A-Za-z0-9_.-]{1,253}(:\d{1,5})?$/.test(text)) throw new Error('must be a host name, with a port or without');
  return text;
};

export const urlPath: Parse<string> = (text) => {
  if (!/^\/[^\s"'`<>\\{}]*$/.test(text)) throw new Error('must be a path that begins with /');
  return text;
};

/** What nginx' rewriting leads to: a path with `$1`…`$9`, which gets its `/` where it lacks one. */
export const rewritePath: Parse<string> = (text) => {
  if (text === '' || /[\s"'`<>\\{}]/.test(text))
    throw new Error('must be a path, with $1 to $9 for groups of the rule’s path');
  if (/\$(?![1-9])/.test(text)) throw new Error('may have $1 to $9, and no other variables');
  return text.startsWith('/') || text.startsWith('$') ? text : `/${text}`;
};

export const httpUrl: Parse<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) throw new Error('must be an http or https URL');
  if (text.includes('$')) throw new Error('may have no variables of nginx');
  return text;
};

/** A URL, or a path of the same host. */
export const location: Parse<string> = (text) => (text.startsWith('/') ? urlPath(text) : httpUrl(text));

const statusesOfRedirects = [301, 302, 303, 307, 308];
export const redirectStatus: Parse<number> = (text) => {
  const status = whole(300, 308)(text);
  if (!statusesOfRedirects.includes(status)) throw new Error(`must be one of ${statusesOfRedirects.join(', ')}`);
  return status;
};

export const method: Parse<string> = (text) => {
  if (!/^[A-Za-z]{1,32}$/.test(text)) throw new Error(`"${text}" is no method`);
  return text.toUpperCase();
};

/** `*`, or `https://example.com:8443`, whose host may begin with `*.`. */
export const origin: Parse<string> = (text) => {
  if (text !== '*' && !/^[a-z][a-z0-9+.-]*:\/\/(\*\.)?[A-Za-z0-9_.-]+(:(\d{1,5}|\*))?$/.test(text))
    throw new Error(`"${text}" is no origin: scheme://host[:port]`);
  return text;
};

/** What HAProxy takes as one. */
export const pattern: Parse<string> = checkedRegex;

export interface HashKey {
  readonly kind: 'client' | 'header' | 'uri';
  readonly name?: string;
}

/** One variable of nginx, alone. */
export const hashKey: Parse<HashKey> = (text) => {
  const variable = /^\$(?:\{(\w+)\}|(\w+))$/.exec(text);
  const name = variable?.[1] ?? variable?.[2] ?? '';
  if (name === 'request_uri' || name === 'uri') return { kind: 'uri' };
  if (name === 'remote_addr' || name === 'binary_remote_addr') return { kind: 'client' };
  if (name === 'host' || name === 'http_host') return { kind: 'header', name: 'Host' };
  if (name.startsWith('http_')) return { kind: 'header', name: name.slice('http_'.length).replaceAll('_', '-') };
  throw new Error('must be one of $request_uri, $remote_addr, $host, $http_NAME');
};

const retryWords = ['error', 'timeout', 'invalid_header', 'non_idempotent', 'off'];

export interface NextUpstream {
  readonly onConnectFailure: boolean;
  readonly statuses: readonly number[];
}

/** nginx' words for when another server is tried. */
export const nextUpstream: Parse<NextUpstream> = (text) => {
  const words = text.split(/\s+/).filter((word) => word !== '');
  for (const word of words) {
    if (!retryWords.includes(word) && !/^http_(403|404|429|500|502|503|504)$/.test(word))
      throw new Error(
        `"${word}" is none of ${retryWords.join(', ')}, http_403, http_404, http_429, http_500 to http_504`,
      );
  }
  if (words.includes('off')) return { onConnectFailure: false, statuses: [] };
  const statuses = words.filter((word) => word.startsWith('http_')).map((word) => Number(word.slice('http_'.length)));
  return { onConnectFailure: words.includes('error') || words.includes('timeout'), statuses };
};
