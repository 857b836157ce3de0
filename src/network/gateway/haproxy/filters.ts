/** What a request and its answer go through before they are forwarded, as lines of a section. Pure; a line here is always one that HAProxy takes. */
import { isIP } from 'node:net';
import type { Cors, Filter, HeaderChange, RouteMatch } from '../plan.ts';
import type { Build } from './build.ts';
import { externalAuthLines } from './external-auth.ts';
import { checkedRegex } from './regex.ts';
import { shortHash } from './rendering.ts';
import { type ListenerFacts, pathLines } from './urls.ts';
import { argument, assertWritable, bounded, format, headerName, headerValue, word } from './words.ts';

export interface Lines {
  /** Before the request goes on; the first that answers it ends it. */
  readonly request: string[];
  /** Of all answers, ours included. */
  readonly response: string[];
  /** Options of the section. */
  readonly options: Set<string>;
}

/** @throws Error that says what in a filter cannot be done */
export function filterLines(
  filters: readonly Filter[],
  match: RouteMatch,
  { next }: Pick<ListenerFacts, 'next'>,
  build: Build,
): Lines {
  const lines: Lines = { request: [], response: [], options: new Set() };
  for (const filter of filters) addFilter(filter, match, next, build, lines);
  return lines;
}

function addFilter(filter: Filter, match: RouteMatch, next: string | undefined, build: Build, lines: Lines): void {
  switch (filter.kind) {
    case 'requestHeaders':
      lines.request.push(...headerLines('http-request', filter.change));
      break;
    case 'responseHeaders':
      lines.response.push(...headerLines('http-after-response', filter.change));
      break;
    case 'rewrite':
      lines.request.push(...rewriteLines(filter, match));
      break;
    case 'mirror':
      addMirror(filter, build, lines);
      break;
    case 'cors':
      addCors(filter.cors, lines);
      break;
    case 'allowClients':
      lines.request.push(`http-request deny deny_status 403 unless ${fromRanges(filter.ranges, build)}`);
      break;
    case 'denyClients':
      lines.request.push(`http-request deny deny_status 403 if ${fromRanges(filter.ranges, build)}`);
      break;
    case 'basicAuth':
      addUsers(filter, build, lines);
      break;
    case 'externalAuth': {
      const { request, response } = externalAuthLines(filter, next, build);
      lines.request.push(...request);
      lines.response.push(...response);
      break;
    }
  }
}

/** A condition that holds for clients in the ranges. @throws Error where one is none */
export function fromRanges(ranges: readonly string[], build: Build): string {
  return `{ src -f ${build.list('ranges', ranges.map(checkedRange))} }`;
}

export function checkedRange(range: string): string {
  const [address = '', bits, more] = range.split('/');
  const family = isIP(address);
  const isGood =
    more === undefined && (bits === undefined || (/^\d{1,3}$/.test(bits) && +bits <= (family === 4 ? 32 : 128)));
  if (family === 0 || !isGood || address.includes('%'))
    throw new Error(`${JSON.stringify(range)} is no range of addresses`);
  return range;
}

function headerLines(stage: string, { set, add, remove }: HeaderChange): string[] {
  const changes = [...set.map((change) => ['set', change] as const), ...add.map((change) => ['add', change] as const)];
  return [
    ...changes.map(([verb, { name, value }]) => {
      const text = headerValue(value);
      if (text === '' && verb === 'set') return `${stage} del-header ${word(headerName(name))}`;
      return `${stage} ${verb}-header ${word(headerName(name))} ${word(format(text))}`;
    }),
    ...remove.map((name) => `${stage} del-header ${word(headerName(name))}`),
  ];
}

function rewriteLines({ to }: Extract<Filter, { kind: 'rewrite' }>, match: RouteMatch): string[] {
  const port = to.port === undefined ? '' : `:${to.port}`;
  const host =
    to.host === undefined ? [] : [`http-request set-header host ${word(format(headerValue(to.host) + port))}`];
  if (to.path === undefined) return host;
  return [...host, ...pathLines(to.path, match)];
}

/** Only what is held in one buffer can be copied; longer bodies are not. Whoever gets a copy never holds up the request: see `script.ts`. */
function addMirror({ backend, percent }: Extract<Filter, { kind: 'mirror' }>, build: Build, lines: Lines): void {
  const section = `mirror ${backend}`;
  build.mirrorSections.add(backend);
  lines.options.add('option http-buffer-request');
  const share = percent >= 100 ? '' : ` if { rand(1000000) lt ${Math.max(0, Math.round(percent * 10_000))} }`;
  lines.request.push(`http-request lua.naru_mirror ${shortHash(section)}${share}`);
}

function addUsers(filter: Extract<Filter, { kind: 'basicAuth' }>, build: Build, lines: Lines): void {
  const realm = word(headerValue(filter.realm).replace(/["\\]/g, ''));
  const users = readUsers(filter.users);
  const native = users.filter(([, hash]) => isCrypt(hash));
  const other = users.filter(([, hash]) => !isCrypt(hash));
  const conditions: string[] = [];
  if (native.length > 0 || users.length === 0) {
    const list = native.map(([name, hash]) => `user ${word(name)} password ${word(hash)}`);
    const name = `users.${shortHash(JSON.stringify(list))}`;
    build.userLists.set(name, list);
    conditions.push(`!{ http_auth(${name}) }`);
  }
  if (other.length > 0) {
    const name = shortHash(JSON.stringify(other));
    build.scriptUsers.set(name, new Map(other));
    conditions.push(`!{ lua.naru_user(${name}) -m bool }`);
  }
  lines.request.push(`http-request auth realm ${realm || 'naru'} if ${conditions.join(' ')}`);
}

/** What crypt(3) of Debian's libc knows. The rest (apr1, SHA) the script knows; anything else lets nobody in. */
function isCrypt(hash: string): boolean {
  return /^\$(?:1|5|6|y|2[aby])\$[!-9;-~]{1,200}$/.test(hash);
}

function readUsers(lines: readonly string[]): [string, string][] {
  return lines.flatMap((line): [string, string][] => {
    const at = line.indexOf(':');
    const [name, hash] = [
      line.slice(0, at),
      line
        .slice(at + 1)
        .trim()
        .split(':')[0] ?? '',
    ];
    if (at <= 0 || hash === '') return [];
    assertWritable(name, 'the name of a user');
    assertWritable(hash, 'the password of a user');
    return [[name, hash]];
  });
}

/** https://fetch.spec.whatwg.org/#http-cors-protocol */
function addCors(cors: Cors, lines: Lines): void {
  const origin = 'txn.cors';
  lines.request.push(`http-request unset-var(${origin})`);
  for (const allowed of cors.origins) {
    const value = allowed === '*' && !cors.allowCredentials ? "str('*')" : 'req.hdr(origin)';
    lines.request.push(
      `http-request set-var(${origin}) ${value} if ${originCondition(allowed)} !{ var(${origin}) -m found }`,
    );
  }
  const vary = cors.origins.includes('*') && !cors.allowCredentials ? [] : [['vary', 'Origin'] as const];
  const common: (readonly [string, string])[] = [
    ['access-control-allow-origin', `%[var(${origin})]`],
    ...(cors.allowCredentials ? [['access-control-allow-credentials', 'true'] as const] : []),
  ];
  const preflight = [
    ...common,
    ['access-control-allow-methods', listed(cors.methods, cors, 'access-control-request-method')] as const,
    ['access-control-allow-headers', listed(cors.headers, cors, 'access-control-request-headers')] as const,
    ...(cors.maxAgeSeconds > 0 ? [['access-control-max-age', String(Math.round(cors.maxAgeSeconds))] as const] : []),
    ...vary,
  ].filter(([, value]) => value !== '');
  const isPreflight = `{ method OPTIONS } { var(${origin}) -m found } { req.hdr(access-control-request-method) -m found }`;
  const headers = preflight.map(([name, value]) => `hdr ${name} ${word(value)}`).join(' ');
  lines.request.push(`http-request set-var(txn.preflight) bool(true) if ${isPreflight}`);
  lines.request.push(`http-request return status 204 ${headers} if ${isPreflight}`);
  const exposed = format(cors.exposeHeaders.map(checkedName).join(', '));
  const answers = [...common, ...(exposed === '' ? [] : [['access-control-expose-headers', exposed] as const])];
  const isAnswer = `if { var(${origin}) -m found } !{ var(txn.preflight) -m bool }`;
  for (const [name, value] of answers)
    lines.response.push(`http-after-response set-header ${name} ${word(value)} ${isAnswer}`);
  for (const [name, value] of vary) lines.response.push(`http-after-response add-header ${name} ${value} ${isAnswer}`);
}

function checkedName(name: string): string {
  return name === '*' ? name : headerName(name);
}

/** `*` means nothing special where credentials are allowed: then what was asked for is allowed. */
function listed(names: readonly string[], cors: Cors, asked: string): string {
  if (names.includes('*') && cors.allowCredentials) return `%[req.hdr(${asked})]`;
  return format(names.map(checkedName).join(', '));
}

/** `*` in an origin stands for one label or more. */
function originCondition(allowed: string): string {
  assertWritable(allowed, 'an origin');
  if (allowed === '*') return '{ req.hdr(origin) -m found }';
  if (!allowed.includes('*')) return `{ req.hdr(origin) -m str -i -- ${word(allowed)} }`;
  const source = allowed.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return `{ req.hdr(origin) -m reg -i -- ${word(bounded(checkedRegex(`^${source.join('[a-z0-9.-]+')}$`)))} }`;
}

/** The samples that look at a part of the request by its name. */
export const samples = {
  header: (name: string): string => `req.fhdr(${argument(headerName(name))})`,
  query: (name: string): string => {
    assertWritable(name, 'the name of a query parameter');
    return `url_param(${argument(encodeURIComponent(name.toWellFormed()))}),url_dec(1)`;
  },
  cookie: (name: string): string => `req.cook(${argument(headerName(name))})`,
} as const;
