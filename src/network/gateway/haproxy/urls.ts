/** Paths and locations: what a rewrite puts in place of the path, and where a redirect leads. Pure. */
import type { RouteMatch, UrlChange } from '../plan.ts';
import { checkedRegex, groupCount } from './regex.ts';
import { argument, assertWritable, bounded, format, headerValue, requestPath, word } from './words.ts';

type PathChange = NonNullable<UrlChange['path']>;

/** Lines that rewrite the path; the query stays. */
export function pathLines(path: PathChange, match: RouteMatch): string[] {
  const { before, text } = pathFormat(path, match);
  const [change, query] = splitQuery(text);
  if (query === undefined) return [...before, `http-request set-path ${word(change)}`];
  return [
    ...before,
    `http-request set-query ${word(`${query}&%[query]`)} if { query -m found }`,
    `http-request set-query ${word(query)} unless { query -m found }`,
    `http-request set-path ${word(change)}`,
  ];
}

function splitQuery(text: string): [string, string?] {
  const at = text.indexOf('?');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The new path as a format, and the lines that it needs before. */
function pathFormat(path: PathChange, match: RouteMatch): { before: string[]; text: string } {
  assertWritable(path.value, 'a path');
  switch (path.kind) {
    case 'full':
      return { before: [], text: format(absolute(writtenPath(path.value))) };
    case 'prefix':
      return { before: [], text: prefixFormat(path.value, match) };
    case 'regex':
      return regexFormat(path.value, match);
  }
}

/** `/a` of `/a/b` becomes the value; of the slashes where they meet, one stays. */
function prefixFormat(value: string, match: RouteMatch): string {
  const prefix = match.path.kind === 'prefix' ? trimmed(requestPath(match.path.value)) : '';
  const put = trimmed(requestPath(value));
  if (put === '') return `/%[path,bytes(${prefix.length + 1})]`;
  return `${format(absolute(put))}%[path,bytes(${prefix.length})]`;
}

/** `$1` to `$9` are groups of the route's expression; those that it does not have are empty. */
function regexFormat(value: string, match: RouteMatch): { before: string[]; text: string } {
  const source = match.path.kind === 'regex' ? checkedRegex(match.path.value) : '.*';
  const groups = Math.min(9, groupCount(source));
  const flag = match.path.ignoreCase ? ',i' : '';
  const whole = argument(bounded(anchored(source)));
  const parts = absolute(value).split(/\$([1-9])/);
  const before: string[] = [];
  const text = parts.map((part, index) => {
    if (index % 2 === 0) return format(writtenPath(part));
    if (Number(part) > groups) return '';
    const name = `txn.group${part}`;
    before.push(`http-request set-var(${name}) ${word(`path,regsub(${whole},'\\${part}'${flag})`)}`);
    return `%[var(${name})]`;
  });
  return { before: [...new Set(before)], text: text.join('') };
}

/** The expression from the start, and all that follows: flags in front stay in front. */
export function anchored(source: string): string {
  const [, flags = '', rest = source] = /^(\(\?[ims]+\))(.*)$/s.exec(source) ?? [];
  return `${flags}^(?:${rest.replace(/^\^/, '')}).*$`;
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`);
const trimmed = (path: string): string => path.replace(/\/+$/, '');

function writtenPath(path: string): string {
  const at = path.indexOf('?');
  if (at < 0) return requestPath(path);
  return `${requestPath(path.slice(0, at))}?${requestPath(path.slice(at + 1))}`;
}

export interface ListenerFacts {
  readonly scheme: 'http' | 'https';
  readonly port: number;
  /** The section that leads back to the listener, where there is one. */
  readonly next?: string;
}

/** The lines before, and the format of `Location`. */
export function locationOf(to: UrlChange, match: RouteMatch, at: ListenerFacts): { before: string[]; text: string } {
  if (to.location !== undefined) return { before: [], text: format(headerValue(to.location)) };
  const scheme = to.scheme ?? at.scheme;
  const host = to.host === undefined ? '%[var(txn.host)]' : format(headerValue(to.host));
  const port = portOf(to, at, scheme);
  const { before, text } = to.path === undefined ? { before: [], text: '%[path]' } : pathFormat(to.path, match);
  // A path that brings a query of its own replaces the request's.
  if (text.includes('?')) return { before, text: `${scheme}://${host}${port}${text}` };
  const withQuery = '%[var(txn.query)]';
  const query = 'http-request set-var-fmt(txn.query) ?%[query] if { query -m found }';
  return { before: [...before, query], text: `${scheme}://${host}${port}${text}${withQuery}` };
}

/** Gateway API's rule: the one that is asked for; else the scheme's own, where a scheme is asked for; else the listener's. Well-known ones are left out. */
function portOf(to: UrlChange, at: ListenerFacts, scheme: 'http' | 'https'): string {
  const usual = scheme === 'https' ? 443 : 80;
  const port = to.port ?? (to.scheme === undefined ? at.port : usual);
  return port === usual ? '' : `:${port}`;
}
