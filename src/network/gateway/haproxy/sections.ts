/**
 * A route's outcome as sections of HAProxy: one for each target, with the filters that are on the way to it. Everything that ends a request is a section,
 * also a redirect or a 404, so that who chooses a route has only a name to choose. Pure.
 */
import { STATUS_CODES } from 'node:http';
import type { Backend, Certificate, ForwardOptions, Route, Target } from '../plan.ts';
import type { Build } from './build.ts';
import { filterLines, fromRanges, type Lines } from './filters.ts';
import { shortHash } from './rendering.ts';
import { type ListenerFacts, locationOf } from './urls.ts';
import { argument, headerName, headerValue, word } from './words.ts';

/** Sections and their shares of the requests, none 0. */
export type Outcome = readonly { readonly section: string; readonly weight: number }[];

/** @throws Error that says what in the route cannot be done: nothing of it is in the build then but what others may share */
export function routeOutcome(route: Route, at: ListenerFacts, build: Build): Outcome {
  const { action, match } = route;
  switch (action.kind) {
    case 'respond':
      return one(respond(action.status, action, filterLines(route.filters, match, at, build), build));
    case 'redirect': {
      const { before, text } = locationOf(action.to, match, at);
      const line = `http-request return status ${checkedStatus(action.status)} hdr Location ${word(text)}`;
      const filters = filterLines(route.filters, match, at, build);
      return one(answer('redirect', withRequest(filters, [...before, line]), build));
    }
    case 'forward':
      return forward(
        action.targets,
        (target) => {
          const own = filterLines([...route.filters, ...target.filters], match, at, build);
          return httpSection(target, own, action.options ?? {}, build);
        },
        (status) => respond(status, {}, answerFilters(route, at, build), build),
      );
  }
}

/** Who may not come in hears so also where nobody would answer; nobody gets a copy of what nobody gets. */
function answerFilters({ filters, match }: Route, at: ListenerFacts, build: Build): Lines {
  return filterLines(
    filters.filter(({ kind }) => kind !== 'mirror'),
    match,
    at,
    build,
  );
}

/** Of targets that get bytes and not requests. */
export function streamOutcome(targets: readonly Target[], build: Build): Outcome {
  const shares = targets.filter(({ weight, unresolvedStatus }) => weight > 0 && unresolvedStatus === undefined);
  return shares.map((target) => ({ section: streamSection(target, build), weight: target.weight }));
}

function forward(
  targets: readonly Target[],
  section: (target: Target) => string,
  answered: (status: number) => string,
): Outcome {
  const shares = targets.filter(({ weight }) => weight > 0);
  if (shares.length === 0) return one(answered(targets.length > 0 && targets.every(isUnresolved) ? 500 : 503));
  return shares.map((target) => ({
    section: isUnresolved(target) ? answered(target.unresolvedStatus) : section(target),
    weight: target.weight,
  }));
}

function isUnresolved(target: Target): target is Target & { unresolvedStatus: number } {
  return target.unresolvedStatus !== undefined;
}

const one = (section: string): Outcome => [{ section, weight: 1 }];
const noFilters: Lines = { request: [], response: [], options: new Set() };

/** A section that answers with the status alone. */
export function plainAnswer(status: number, build: Build): string {
  return respond(status, {}, noFilters, build);
}

function respond(
  status: number,
  { body, contentType }: { readonly body?: string; readonly contentType?: string },
  filters: Lines,
  build: Build,
): string {
  const text = body ?? (status < 400 ? '' : `${status} ${STATUS_CODES[status] ?? 'Error'}\n`);
  const type = word(headerValue(contentType ?? 'text/plain; charset=utf-8'));
  const content = text === '' ? '' : ` content-type ${type} file ${build.file('body', text)}`;
  const line = `http-request return status ${checkedStatus(status)}${content}`;
  return answer(`respond-${status}`, withRequest(filters, [line]), build);
}

function checkedStatus(status: number): number {
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new Error(`${status} is no status of an answer`);
  return status;
}

function withRequest(filters: Lines, more: readonly string[]): Lines {
  return { ...filters, request: [...filters.request, ...more] };
}

function answer(base: string, { options, request, response }: Lines, build: Build): string {
  return build.section(base, { mode: 'http', lines: [...options, ...request, ...response] });
}

function httpSection(target: Target, filters: Lines, options: ForwardOptions, build: Build): string {
  const backend = knownBackend(target, build);
  if (backend.protocol === 'tcp' || backend.protocol === 'tls')
    throw new Error(`${backend.id} takes bytes, and a route of requests leads to it`);
  const parameters = serverParameters(backend, build);
  const lines = [
    ...filters.options,
    ...balanceLines(backend, options),
    ...cookieLines(backend, options),
    ...timeoutLines(options),
    ...retryLines(options),
    ...limitLines(options, build),
    ...filters.request,
    ...filters.response,
    ...seed(backend, parameters),
  ];
  return build.section(backend.id, { mode: 'http', lines, servers: { list: backend.servers, parameters } });
}

/** For those who get copies of requests. */
export function mirrorSection(backend: Backend, build: Build): string {
  const target = { backend: backend.id, weight: 1, filters: [] };
  return httpSection(target, { ...noFilters, request: ['http-request del-header x-naru-mirror'] }, {}, build);
}

function streamSection(target: Target, build: Build): string {
  const backend = knownBackend(target, build);
  const parameters = serverParameters({ ...backend, protocol: isEncrypted(backend) ? 'tls' : 'tcp' }, build);
  const lines = [...balanceLines(backend, {}), ...seed(backend, parameters)];
  return build.section(backend.id, { mode: 'tcp', lines, servers: { list: backend.servers, parameters } });
}

function knownBackend({ backend }: Target, build: Build): Backend {
  const known = build.backends.get(backend);
  if (known === undefined) throw new Error(`nothing is known of the backend ${backend}`);
  return known;
}

const isEncrypted = ({ protocol }: Backend): boolean => protocol === 'tls' || protocol === 'https' || protocol === 'h2';

/** Certificates that servers added later need are read with a server that is never up. */
function seed(backend: Backend, parameters: string): string[] {
  return backend.tls !== undefined && isEncrypted(backend) ? [`server seed 127.0.0.1:1${parameters} disabled`] : [];
}

function balanceLines({ balance = 'roundrobin' }: Backend, { hash }: ForwardOptions): string[] {
  const consistent = 'hash-type consistent sdbm avalanche';
  if (hash === undefined) return balance === 'source' ? ['balance source', consistent] : [`balance ${balance}`];
  if (hash.kind === 'client') return ['balance source', consistent];
  if (hash.kind === 'uri') return ['balance uri whole', consistent];
  return [`balance hdr(${headerName(hash.name ?? '')})`, consistent];
}

/** The value is a hash of the server's address, equal on all nodes and after each reload. */
function cookieLines(backend: Backend, { cookie }: ForwardOptions): string[] {
  if (cookie === undefined) return [];
  const attributes = [
    ...(cookie.path === undefined || cookie.path === '/' ? [] : [`Path=${cookie.path}`]),
    ...(cookie.isSession || cookie.maxAgeSeconds === undefined ? [] : [`Max-Age=${Math.round(cookie.maxAgeSeconds)}`]),
    ...(cookie.sameSite === undefined ? [] : [`SameSite=${cookie.sameSite}`]),
  ];
  for (const attribute of attributes) {
    if (headerValue(attribute).includes(';'))
      throw new Error(`${JSON.stringify(attribute)} is no attribute of a cookie`);
  }
  const attr = attributes.map((attribute) => ` attr ${word(attribute)}`).join('');
  const secure = cookie.isSecure ? ' secure' : '';
  const domain = cookie.domain === undefined ? '' : ` domain ${word(headerName(cookie.domain))}`;
  return [
    `dynamic-cookie-key ${shortHash(`naru ${backend.id}`)}`,
    `cookie ${word(headerName(cookie.name))} insert indirect nocache httponly dynamic${secure}${domain}${attr}`,
  ];
}

/** As long as a tunnel (a WebSocket) may be silent. */
const tunnelMsMin = 3_600_000;
const timeoutMsMax = 24 * 3_600_000;

function timeoutLines(options: ForwardOptions): string[] {
  const { requestTimeoutMs, backendTimeoutMs, idleTimeoutMs, connectTimeoutMs } = options;
  const given = [requestTimeoutMs, backendTimeoutMs, idleTimeoutMs].filter((ms) => ms !== undefined && ms > 0);
  const serverMs = given.length === 0 ? undefined : bounded(Math.min(...(given as number[])));
  return [
    ...(serverMs === undefined ? [] : [`timeout server ${serverMs}ms`]),
    ...(connectTimeoutMs ? [`timeout connect ${bounded(connectTimeoutMs)}ms`] : []),
    ...(idleTimeoutMs && idleTimeoutMs > tunnelMsMin ? [`timeout tunnel ${bounded(idleTimeoutMs)}ms`] : []),
  ];
}

const bounded = (ms: number): number => Math.max(1, Math.min(timeoutMsMax, Math.round(ms)));

/** Those that HAProxy can try again after. Others are left as they are. */
const retryStatuses: ReadonlySet<number> = new Set([401, 403, 404, 408, 425, 500, 501, 502, 503, 504]);

function retryLines({ retries }: ForwardOptions): string[] {
  if (retries === undefined) return [];
  const statuses = retries.statuses.filter((status) => retryStatuses.has(status));
  // Of the gateway's own answers: 502 is an answer that ends early, 504 is one that does not come.
  const own = [
    ...(statuses.includes(502) ? ['junk-response'] : []),
    ...(statuses.includes(504) ? ['response-timeout'] : []),
  ];
  const connect = retries.onConnectFailure === false ? [] : ['conn-failure', 'empty-response'];
  const causes = [...connect, ...own, ...statuses];
  if (causes.length === 0 || retries.attempts <= 0) return ['retries 0', 'retry-on none'];
  return [`retries ${Math.min(20, Math.round(retries.attempts))}`, `retry-on ${causes.join(' ')}`];
}

function limitLines(options: ForwardOptions, build: Build): string[] {
  const { bodyBytesMax, rateLimit, connectionsMax } = options;
  const lines: string[] = [];
  if (bodyBytesMax !== undefined && bodyBytesMax > 0)
    lines.push(`http-request deny deny_status 413 if { req.hdr_val(content-length) gt ${Math.round(bodyBytesMax)} }`);
  if (rateLimit === undefined && connectionsMax === undefined) return lines;
  // As many as the burst at once, and over the time in which the rate allows as many, no more.
  const most = Math.max(1, Math.round(Math.max(rateLimit?.burst ?? 1, rateLimit?.perSecond ?? 1)));
  const periodMs =
    rateLimit === undefined ? 1000 : Math.min(timeoutMsMax, Math.ceil((most / rateLimit.perSecond) * 1000));
  lines.push(
    `stick-table type ipv6 size 100k expire ${Math.max(10_000, periodMs)}ms store http_req_rate(${periodMs}),conn_cur`,
  );
  const exempt = rateLimit?.exempt?.length ? ` unless ${fromRanges(rateLimit.exempt, build)}` : '';
  lines.push(`http-request track-sc0 src${exempt}`);
  if (rateLimit !== undefined) lines.push(`http-request deny deny_status 503 if { sc0_http_req_rate gt ${most} }`);
  if (connectionsMax !== undefined)
    lines.push(`http-request deny deny_status 503 if { sc0_conn_cur gt ${Math.round(connectionsMax)} }`);
  return lines;
}

/** What follows a server's address. */
function serverParameters(backend: Backend, build: Build): string {
  const proxy = backend.sendProxy === undefined ? '' : backend.sendProxy === 'v1' ? ' send-proxy' : ' send-proxy-v2';
  switch (backend.protocol) {
    case 'http':
    case 'tcp':
      return proxy;
    case 'h2c':
      return ` proto h2${proxy}`;
    case 'https':
      return `${tlsParameters(backend, build)} alpn http/1.1${proxy}`;
    case 'h2':
      return `${tlsParameters(backend, build)} alpn h2${proxy}`;
    case 'tls':
      return `${tlsParameters(backend, build)}${proxy}`;
  }
}

function tlsParameters({ tls = {} }: Backend, build: Build): string {
  const { serverName, authorities, verifiedNames = [], clientCertificate } = tls;
  const name = serverName === undefined ? '' : ` sni ${word(`str(${argument(dnsName(serverName))})`)}`;
  const client = clientCertificate === undefined ? '' : ` crt ${clientFile(clientCertificate, build)}`;
  if (authorities === undefined) return ` ssl verify none${name}${client}`;
  const file = authorities === 'system' ? '@system-ca' : build.file('authorities', authorities);
  // One name is all that HAProxy compares, and where it asks for one it is that.
  const names = verifiedNames.map(dnsName);
  if (serverName !== undefined && names.length > 0 && !names.includes(serverName))
    throw new Error(
      `certificates are checked for the name that is asked for (${serverName}) alone, not for ${names.join(', ')}`,
    );
  const verified = serverName === undefined && names[0] !== undefined ? ` verifyhost ${names[0]}` : '';
  return ` ssl verify required ca-file ${file}${verified}${name}${client}`;
}

function clientFile({ id, pem }: Certificate, build: Build): string {
  return build.certificate(`client ${id}`, pem);
}

function dnsName(name: string): string {
  if (!/^[A-Za-z0-9*][A-Za-z0-9._-]{0,252}$/.test(name))
    throw new Error(`${JSON.stringify(name)} is no name of a server`);
  return name;
}
