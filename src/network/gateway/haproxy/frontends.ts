/**
 * The entries of a plan as frontends. Where an address and port both pass connections through and end TLS, two stand behind each other:
 *
 * ```
 *   bind *:443, bytes: server name ──▶ in sni.map: a section of servers, untouched
 *                                └──▶ else: inner socket, PROXY header ──▶ bind abns, TLS ends ──▶ requests (or bytes, by server name)
 * ```
 * Pure.
 */
import type { Certificate, Entry, Source, Target } from '../plan.ts';
import type { Build } from './build.ts';
import { checkedRange } from './filters.ts';
import { type GlobalSettings, logLines } from './global.ts';
import { type HandoverSettings, handoverLines } from './handover.ts';
import { innerAddress } from './names.ts';
import { type Listener, socketAddress } from './rendering.ts';
import { Choices, hostLines, nameLines } from './routing.ts';
import { type Outcome, plainAnswer, routeOutcome, streamOutcome } from './sections.ts';
import type { ListenerFacts } from './urls.ts';
import { assertWritable, plainName, requestPath, word } from './words.ts';

export interface FrontendContext extends HandoverSettings {
  readonly build: Build;
  readonly accessLog: GlobalSettings['accessLog'];
  readonly anyAddress: GlobalSettings['anyAddress'];
}

/** The frontends of an entry as text. */
export function entryText(entry: Entry, context: FrontendContext): string {
  switch (entry.protocol) {
    case 'http':
      return frontend(entryName(entry), 'http', [...outerBind(entry, '', context), ...requestLines(entry, context)]);
    case 'https':
      return encrypted(
        entry,
        ' alpn h2,http/1.1',
        'http',
        (lines) => [...lines, ...requestLines(entry, context)],
        context,
      );
    case 'tls':
      return encrypted(entry, '', 'tcp', (lines) => [...lines, ...terminatedLines(entry, context)], context);
    case 'tcp':
      return frontend(entryName(entry), 'tcp', [
        ...outerBind(entry, '', context),
        ...streamLines(entry.targets, context.build),
      ]);
  }
}

export function listenerOf(entry: Entry): Listener {
  const sources = [
    ...entry.hosts.flatMap(({ routes }) => routes.map(({ source }) => source)),
    ...[...entry.passThrough, ...entry.terminated].map(({ source }) => source),
  ];
  return { address: entry.address, port: entry.port, sources };
}

/** Those of maps and sections, too. */
function entryName({ protocol, address, port }: Entry): string {
  return `${protocol}-${address === '*' ? '' : `${plainName(address)}-`}${port}`;
}

function frontend(name: string, mode: 'http' | 'tcp', lines: readonly string[]): string {
  return [`frontend ${name} from ${mode}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/** `*` is both families: one socket, where the machine has IPv6. */
function outerBind({ address, port, acceptProxyFrom }: Entry, more: string, context: FrontendContext): string[] {
  const where = address === '*' ? everywhere(port, context.anyAddress) : socketAddress(address, port);
  const ranges =
    acceptProxyFrom.length === 0 ? undefined : context.build.list('ranges', acceptProxyFrom.map(checkedRange));
  return [
    `bind ${where}${more}`,
    ...(ranges === undefined ? [] : [`tcp-request connection expect-proxy layer4 if { src -f ${ranges} }`]),
  ];
}

function everywhere(port: number, anyAddress: GlobalSettings['anyAddress']): string {
  return anyAddress === '::' ? `0.0.0.0:${port},:::${port} v6only` : `0.0.0.0:${port}`;
}

function encrypted(
  entry: Entry,
  alpn: string,
  mode: 'http' | 'tcp',
  inner: (bind: readonly string[]) => readonly string[],
  context: FrontendContext,
): string {
  const name = entryName(entry);
  const tls = tlsOptions(entry, context) + alpn;
  if (entry.passThrough.length === 0) return frontend(name, mode, inner(outerBind(entry, tls, context)));
  const address = innerAddress(context.id, name);
  return [
    frontend(name, 'tcp', passThroughLines(entry, name, context)),
    `backend ${name}-inner from tcp\n  server inner ${address} send-proxy-v2\n`,
    frontend(`${name}-tls`, mode, inner([`bind ${address} accept-proxy${tls}`])),
  ].join('\n');
}

/** The connection waits for its server name, but not long. */
const helloMs = 5000;

function passThroughLines(entry: Entry, name: string, context: FrontendContext): string[] {
  return [
    ...outerBind(entry, '', context),
    `tcp-request inspect-delay ${helloMs}ms`,
    'tcp-request content reject unless { req.ssl_hello_type 1 }',
    'tcp-request content set-var(txn.host) req.ssl_sni,lower',
    ...byServerName(entry.passThrough, `${name}-sni`, context),
    `default_backend ${name}-inner`,
  ];
}

function terminatedLines(entry: Entry, context: FrontendContext): string[] {
  return [
    'tcp-request inspect-delay 5s',
    'tcp-request content set-var(txn.host) ssl_fc_sni,lower',
    ...byServerName(entry.terminated, `${entryName(entry)}-end`, context),
  ];
}

interface Named {
  readonly serverName: string;
  readonly targets: readonly Target[];
  readonly source: Source;
}

function byServerName(rows: readonly Named[], id: string, { build }: FrontendContext): string[] {
  const choices = new Choices();
  const names = rows.flatMap(({ serverName, targets, source }) => {
    const outcome = guarded(source, build, () => streamOutcome(targets, build));
    const key = outcome === undefined || outcome.length === 0 ? nowhere(build) : choices.choice(outcome);
    return [{ name: serverName.toLowerCase(), key }];
  });
  const rule = 'tcp-request content';
  return [
    ...nameLines(names, rule, 'txn.host', id, build),
    `${rule} set-var(txn.be) var(txn.vh)`,
    ...choices.lines(rule),
    'use_backend %[var(txn.be)] if { var(txn.be) -m found }',
  ];
}

/** Takes connections for which there is no server, and ends them. */
function nowhere(build: Build): string {
  return build.section('nowhere', { mode: 'tcp', lines: ['tcp-request content reject'] });
}

function streamLines(targets: readonly Target[], build: Build): string[] {
  const ofServices = targets.flatMap(({ backend }) => build.backends.get(backend)?.source ?? []);
  const outcome = guarded(ofServices[0], build, () => streamOutcome(targets, build)) ?? [];
  if (outcome.length === 0) return [`default_backend ${nowhere(build)}`];
  let left = outcome.reduce((sum, { weight }) => sum + weight, 0);
  return outcome.map(({ section, weight }, index) => {
    if (index === outcome.length - 1) return `default_backend ${section}`;
    const line = `use_backend ${section} if { rand(${left}) lt ${weight} }`;
    left -= weight;
    return line;
  });
}

function guarded(source: Source | undefined, build: Build, make: () => Outcome): Outcome | undefined {
  try {
    return make();
  } catch (error) {
    if (source !== undefined) build.refuse(source, error);
    return undefined;
  }
}

/** What bind needs to end TLS. Without a certificate for all names, clients that ask for others are refused. */
function tlsOptions(entry: Entry, { build }: FrontendContext): string {
  const isLast = ({ serverName }: Certificate): boolean => serverName === '*';
  const sorted = [
    ...entry.certificates.filter(isLast).slice(0, 1),
    ...entry.certificates.filter((one) => !isLast(one)),
  ];
  const lines = sorted.flatMap(({ serverName, id, pem, clientAuthorities }) => {
    if (!/^(?:\*|(?:\*\.)?[a-z0-9_-][a-z0-9_.-]{0,252})$/i.test(serverName)) return [];
    const client = clientAuthorities && clientCheck(clientAuthorities, build);
    return [`${build.certificate(id, pem)}${client ? ` [${client}]` : ''} ${serverName.toLowerCase()}`];
  });
  const strict = sorted.some(isLast) ? '' : ' strict-sni';
  const client = entry.clientAuthorities === undefined ? '' : ` ${clientCheck(entry.clientAuthorities, build)}`;
  return ` ssl crt-list ${build.list(`${entryName(entry)}-certificates`, lines)}${strict}${client}`;
}

function clientCheck(
  { pem, isOptional }: { readonly pem: string; readonly isOptional: boolean },
  build: Build,
): string {
  return `verify ${isOptional ? 'optional' : 'required'} ca-file ${build.file('authorities', pem)}`;
}

function requestLines(entry: Entry, context: FrontendContext): string[] {
  const { build, accessLog } = context;
  const name = entryName(entry);
  const client = clientLines(entry, name, build);
  const handover = client.length === 0 ? handoverLines(name, context, build) : undefined;
  const scheme = entry.protocol === 'https' ? 'https' : 'http';
  const at: ListenerFacts = { scheme, port: entry.port, ...(handover && { next: handover.section }) };
  const { lines } = hostLines(
    entry.hosts,
    name,
    (route) => {
      try {
        return routeOutcome(route, at, build);
      } catch (error) {
        build.refuse(route.source, error);
        // Its path is not left to the routes behind it: they may be open where it was to be closed.
        return [{ section: plainAnswer(500, build), weight: 1 }];
      }
    },
    build,
  );
  return [
    ...logLines(accessLog),
    ...(handover?.first ?? []),
    ...answerLines(entry, name, build),
    'http-request set-var(txn.host) req.hdr(host),host_only,lower,rtrim(.)',
    ...forwardedLines(at),
    ...client,
    'http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE TRACE }',
    ...lines,
    ...(handover === undefined ? [] : [handover.choice]),
    'use_backend %[var(txn.be)] if { var(txn.be) -m found }',
    `default_backend ${plainAnswer(404, build)}`,
  ];
}

/** The map is there, also empty: answers come and go without a reload. */
function answerLines({ answers }: Entry, name: string, build: Build): string[] {
  if (answers === undefined) return [];
  const { path, entries } = build.map(`${name}-answers.map`);
  for (const { path: key, body } of answers) {
    assertWritable(body, 'an answer');
    if (/^\S{1,2000}$/.test(key) && body.length <= 4000) entries.set(requestPath(key), body);
  }
  const text = word(`%[path,map_str(${path})]`);
  return [
    `http-request return status 200 content-type text/plain lf-string ${text} if { path,map_str(${path}) -m found }`,
  ];
}

/** What servers are told of the client. What the client says of itself is not believed. */
function forwardedLines({ scheme, port }: ListenerFacts): string[] {
  return [
    'http-request set-header X-Forwarded-For %[src]',
    'http-request set-header X-Real-IP %[src]',
    `http-request set-header X-Forwarded-Proto ${scheme}`,
    `http-request set-header X-Forwarded-Port ${port}`,
    'http-request set-header X-Forwarded-Host %[req.hdr(host)]',
    'http-request set-header X-Request-ID %[uuid()] unless { req.hdr(x-request-id) -m found }',
  ];
}

/** Headers of ingress-nginx's names about the client's certificate; and hosts that want one are reached under their own server name alone. */
function clientLines(entry: Entry, name: string, build: Build): string[] {
  const guardedHosts = entry.certificates.filter(({ clientAuthorities }) => clientAuthorities !== undefined);
  if (entry.clientAuthorities === undefined && guardedHosts.length === 0) return [];
  const headers = ['ssl-client-verify', 'ssl-client-subject-dn', 'ssl-client-issuer-dn'];
  const shown = 'if { ssl_c_used }';
  return [
    ...headers.map((header) => `http-request del-header ${header}`),
    `http-request set-header ssl-client-verify SUCCESS ${shown} { ssl_c_verify 0 }`,
    'http-request set-header ssl-client-verify NONE unless { ssl_c_used }',
    `http-request set-header ssl-client-subject-dn %[ssl_c_s_dn] ${shown}`,
    `http-request set-header ssl-client-issuer-dn %[ssl_c_i_dn] ${shown}`,
    ...misdirectedLines(guardedHosts, name, build),
  ];
}

function misdirectedLines(certificates: readonly Certificate[], name: string, build: Build): string[] {
  if (certificates.length === 0) return [];
  const rows = certificates.map(({ serverName }) => ({
    name: serverName.toLowerCase(),
    isOneLabel: true,
    key: 'guarded',
  }));
  const look = nameLines(rows, 'http-request', 'txn.host', `${name}-guarded`, build);
  const isSame = '{ ssl_fc_sni,lower,strcmp(txn.host) eq 0 }';
  return [
    ...look,
    `http-request return status 421 if { var(txn.vh) -m str guarded } !${isSame}`,
    'http-request unset-var(txn.vh)',
  ];
}
