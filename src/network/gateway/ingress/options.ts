/** What annotations make of a request on its way: filters before it is forwarded, and how it is forwarded. Pure. */
import { nameWithin } from '../../../api/ingress-classes.ts';
import { isOwnMachine } from '../own-machine.ts';
import type { Cors, Filter, ForwardOptions } from '../plan.ts';
import type { Annotations } from './annotations.ts';
import { externalAuth } from './external-auth.ts';
import type { ReadIngress, Work } from './reading.ts';

const burstDefault = 5;
const triesDefault = 3;
/** Where ingress-nginx would try without end. */
const triesMax = 10;

/** Undefined: it must not be forwarded, since who may come in cannot be checked. */
export function filtersOf(work: Work, read: ReadIngress): readonly Filter[] | undefined {
  const { values } = read;
  const users = basicAuth(work, read);
  const asked = externalAuth(work, read);
  if (users === undefined || asked === undefined) return undefined;
  const allowed = values['allowlist-source-range'] ?? values['whitelist-source-range'];
  const denied = values['denylist-source-range'];
  const prefix = values['x-forwarded-prefix'];
  const host = values['upstream-vhost'];
  return [
    ...(denied ? [{ kind: 'denyClients', ranges: denied } as const] : []),
    ...(allowed ? [{ kind: 'allowClients', ranges: allowed } as const] : []),
    // Before the users: a browser asks without them whether it may ask.
    ...(values['enable-cors'] ? [{ kind: 'cors', cors: corsOf(values) } as const] : []),
    ...users,
    ...asked,
    ...(prefix === undefined ? [] : [setHeader('X-Forwarded-Prefix', prefix)]),
    ...(host === undefined ? [] : [rewriteHost(host)]),
    ...mirror(work, read),
  ];
}

function setHeader(name: string, value: string): Filter {
  return { kind: 'requestHeaders', change: { set: [{ name, value }], add: [], remove: [] } };
}

function rewriteHost(text: string): Filter {
  const [host = '', port] = text.split(':');
  return { kind: 'rewrite', to: { host, ...(port !== undefined && { port: Number(port) }) } };
}

function basicAuth(work: Work, read: ReadIngress): readonly Filter[] | undefined {
  const { values, source } = read;
  const secret = values['auth-secret'];
  if (values['auth-type'] === undefined && secret === undefined) return [];
  const name = nameWithin(source.namespace, secret ?? '');
  if (name === undefined) {
    const why = secret === undefined ? 'is not given' : 'must be in the namespace of the Ingress';
    work.tell(source, 'BadAnnotation', `auth-secret ${why}: its paths answer 503 until this is right`);
    return undefined;
  }
  const reference = { namespace: source.namespace, name };
  const found = work.sources.named.users(reference, values['auth-secret-type'] ?? 'auth-file');
  const users = work.take(found, read, 'auth-secret', reference);
  return users && [{ kind: 'basicAuth', realm: values['auth-realm'] || 'Authentication Required', users }];
}

const corsDefaults: Cors = {
  origins: ['*'],
  methods: ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'],
  headers: [
    'DNT',
    'Keep-Alive',
    'User-Agent',
    'X-Requested-With',
    'If-Modified-Since',
    'Cache-Control',
    'Content-Type',
    'Range',
    'Authorization',
  ],
  exposeHeaders: [],
  allowCredentials: true,
  maxAgeSeconds: 1_728_000,
};

const unlessEmpty = <T>(items: readonly T[] | undefined, others: readonly T[]): readonly T[] =>
  items === undefined || items.length === 0 ? others : items;

function corsOf(values: Annotations): Cors {
  return {
    origins: unlessEmpty(values['cors-allow-origin'], corsDefaults.origins),
    methods: unlessEmpty(values['cors-allow-methods'], corsDefaults.methods),
    headers: unlessEmpty(values['cors-allow-headers'], corsDefaults.headers),
    exposeHeaders: values['cors-expose-headers'] ?? corsDefaults.exposeHeaders,
    allowCredentials: values['cors-allow-credentials'] ?? corsDefaults.allowCredentials,
    maxAgeSeconds: values['cors-max-age'] ?? corsDefaults.maxAgeSeconds,
  };
}

/** A copy of each request goes to the URL's host. Its path is the request's own. */
function mirror(work: Work, { values, source }: ReadIngress): readonly Filter[] {
  const target = values['mirror-target'];
  if (target === undefined) return [];
  const url = new URL(target);
  const isTls = url.protocol === 'https:';
  const port = Number(url.port) || (isTls ? 443 : 80);
  const address = url.hostname.replace(/^\[|\]$/g, '');
  if (isOwnMachine(address)) {
    work.tell(
      source,
      'BadAnnotation',
      `mirror-target: ${address} is the gateway's own machine; nothing is copied there`,
    );
    return [];
  }
  const id = `ingress/mirror/${url.protocol}//${address}:${port}`;
  const servers = [{ address, port, isDraining: false }];
  const tls = isTls && { tls: { serverName: url.hostname } };
  work.backends.set(id, { id, source, protocol: isTls ? 'https' : 'http', servers, ...tls });
  return [{ kind: 'mirror', backend: id, percent: 100 }];
}

export function forwardOptions(values: Annotations): ForwardOptions | undefined {
  const idle = [values['proxy-read-timeout'], values['proxy-send-timeout']].filter((ms) => ms !== undefined);
  const connectTimeoutMs = values['proxy-connect-timeout'];
  const bodyBytesMax = values['proxy-body-size'];
  const hash = values['upstream-hash-by'];
  const connectionsMax = values['limit-connections'];
  const options: ForwardOptions = {
    ...(connectTimeoutMs && { connectTimeoutMs }),
    ...(idle.length > 0 && Math.max(...idle) > 0 && { idleTimeoutMs: Math.max(...idle) }),
    // 0 stands for: any size.
    ...(bodyBytesMax && { bodyBytesMax }),
    ...retriesOf(values),
    ...cookieOf(values),
    ...(hash && { hash }),
    ...rateOf(values),
    ...(connectionsMax && { connectionsMax }),
  };
  return Object.keys(options).length > 0 ? options : undefined;
}

function retriesOf(values: Annotations): Pick<ForwardOptions, 'retries'> {
  const [when, tries] = [values['proxy-next-upstream'], values['proxy-next-upstream-tries']];
  if (when === undefined && tries === undefined) return {};
  const { onConnectFailure, statuses } = when ?? { onConnectFailure: true, statuses: [] };
  const isOff = !onConnectFailure && statuses.length === 0;
  const attempts = isOff ? 0 : (tries === 0 ? triesMax : Math.min(tries ?? triesDefault, triesMax)) - 1;
  return { retries: { attempts, statuses, onConnectFailure } };
}

function cookieOf(values: Annotations): Pick<ForwardOptions, 'cookie'> {
  if (values.affinity === undefined) return {};
  const maxAgeSeconds = values['session-cookie-max-age'] ?? values['session-cookie-expires'];
  const sameSite = values['session-cookie-samesite'];
  const domain = values['session-cookie-domain'];
  const isSecure = values['session-cookie-secure'];
  return {
    cookie: {
      name: values['session-cookie-name'] ?? 'INGRESSCOOKIE',
      path: values['session-cookie-path'] ?? '/',
      isSession: !maxAgeSeconds,
      ...(maxAgeSeconds && { maxAgeSeconds }),
      ...(sameSite && { sameSite }),
      ...(domain && { domain }),
      ...(isSecure !== undefined && { isSecure }),
    },
  };
}

/** Of two limits the stricter. */
function rateOf(values: Annotations): Pick<ForwardOptions, 'rateLimit'> {
  const burst = values['limit-burst-multiplier'] ?? burstDefault;
  const [rps, rpm] = [values['limit-rps'], values['limit-rpm']];
  const limits = [
    ...(rps ? [{ perSecond: rps, burst: rps * burst }] : []),
    ...(rpm ? [{ perSecond: rpm / 60, burst: rpm * burst }] : []),
  ];
  const [strictest] = limits.sort((a, b) => a.perSecond - b.perSecond);
  const exempt = values['limit-allowlist'] ?? values['limit-whitelist'] ?? [];
  return strictest ? { rateLimit: { ...strictest, ...(exempt.length > 0 && { exempt }) } } : {};
}
