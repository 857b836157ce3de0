/**
 * The annotations of ingress-nginx as a table: which are taken, how each is read, which need nothing here, which are never taken and why. The same names
 * stand behind `naru.io/`. Pure.
 *
 * Kept true: a bad value leaves out that one annotation, and is told. But where it guards (who may come in), the Ingress's paths are closed until it is
 * right: nothing that was to be protected is ever open because of a typing error.
 *
 * To add one: a line here, and its use in `options.ts` or `translate.ts`.
 */
import { annotationPrefixes } from '../../../api/ingress-classes.ts';
import { authUrl, signIn } from './external-auth.ts';
import * as as from './values.ts';

const portion = as.whole(0, 1_000_000);
const seconds = as.whole(0, 100_000_000);

const parsers = {
  // Where requests go.
  'rewrite-target': as.rewritePath,
  'use-regex': as.flag,
  'app-root': as.urlPath,
  'server-alias': as.list(as.host),
  'default-backend': as.someText,
  'service-upstream': as.flag,
  'backend-protocol': as.oneOf('HTTP', 'HTTPS', 'AUTO_HTTP', 'GRPC', 'GRPCS'),
  'ssl-passthrough': as.flag,
  'upstream-vhost': as.authority,
  'x-forwarded-prefix': as.someText,
  'mirror-target': as.httpUrl,
  // Redirects.
  'ssl-redirect': as.flag,
  'force-ssl-redirect': as.flag,
  'from-to-www-redirect': as.flag,
  'permanent-redirect': as.location,
  'permanent-redirect-code': as.redirectStatus,
  'temporal-redirect': as.location,
  'temporal-redirect-code': as.redirectStatus,
  // Times, sizes, second attempts.
  'proxy-body-size': as.sizeBytes,
  'proxy-connect-timeout': as.timeMs,
  'proxy-read-timeout': as.timeMs,
  'proxy-send-timeout': as.timeMs,
  'proxy-next-upstream': as.nextUpstream,
  'proxy-next-upstream-tries': as.whole(0, 100),
  // Which server.
  affinity: as.oneOf('cookie'),
  'session-cookie-name': as.cookie,
  'session-cookie-path': as.urlPath,
  'session-cookie-max-age': seconds,
  'session-cookie-expires': seconds,
  'session-cookie-samesite': as.oneOf('None', 'Lax', 'Strict'),
  'session-cookie-secure': as.flag,
  'session-cookie-domain': as.host,
  'upstream-hash-by': as.hashKey,
  'load-balance': as.oneOf('round_robin', 'ewma', 'least_conn', 'random'),
  // Canaries.
  canary: as.flag,
  'canary-by-header': as.header,
  'canary-by-header-value': as.someText,
  'canary-by-header-pattern': as.pattern,
  'canary-by-cookie': as.cookie,
  'canary-weight': portion,
  'canary-weight-total': as.whole(1, 1_000_000),
  // Who may come in.
  'whitelist-source-range': as.nonEmpty(as.list(as.cidr)),
  'allowlist-source-range': as.nonEmpty(as.list(as.cidr)),
  'denylist-source-range': as.nonEmpty(as.list(as.cidr)),
  'auth-type': as.oneOf('basic'),
  'auth-secret': as.someText,
  'auth-secret-type': as.oneOf('auth-file', 'auth-map'),
  'auth-realm': as.anyText,
  'auth-url': authUrl,
  'auth-method': as.oneOf('GET', 'HEAD', 'POST'),
  'auth-signin': signIn,
  'auth-signin-redirect-param': as.cookie,
  'auth-response-headers': as.list(as.header),
  'auth-tls-secret': as.someText,
  'auth-tls-verify-client': as.oneOf('on', 'off', 'optional', 'optional_no_ca'),
  // How much.
  'limit-rps': as.whole(0, 1_000_000),
  'limit-rpm': as.whole(0, 60_000_000),
  'limit-burst-multiplier': as.whole(1, 1000),
  'limit-connections': as.whole(0, 1_000_000),
  'limit-whitelist': as.list(as.cidr),
  'limit-allowlist': as.list(as.cidr),
  // Other sites' scripts.
  'enable-cors': as.flag,
  'cors-allow-origin': as.list(as.origin),
  'cors-allow-methods': as.list(as.method),
  'cors-allow-headers': as.list(as.header),
  'cors-expose-headers': as.list(as.header),
  'cors-allow-credentials': as.flag,
  'cors-max-age': seconds,
  // TLS to servers.
  'proxy-ssl-secret': as.someText,
  'proxy-ssl-verify': as.oneOf('on', 'off'),
  'proxy-ssl-name': as.host,
  'proxy-ssl-server-name': as.oneOf('on', 'off'),
} as const satisfies Readonly<Record<string, as.Parse<unknown>>>;

export type AnnotationName = keyof typeof parsers;
export type Annotations = { readonly [Name in AnnotationName]?: ReturnType<(typeof parsers)[Name]> };

/** A bad value of one of these closes the Ingress's paths. */
const guards: ReadonlySet<string> = new Set<string>([
  'whitelist-source-range',
  'allowlist-source-range',
  'denylist-source-range',
  'auth-type',
  'auth-secret',
  'auth-secret-type',
  'auth-url',
  'auth-method',
  'auth-response-headers',
  'auth-tls-secret',
  'auth-tls-verify-client',
] satisfies readonly AnnotationName[]);

const never = 'the configuration of HAProxy is not open to Ingresses';
const firewall = 'there is no ModSecurity here';
const elsewhere = 'access logs and traces are set for the whole gateway';

/** Not taken, and why. What guards among them closes the Ingress's paths. */
const refused: Readonly<Record<string, { readonly why: string; readonly isGuard?: true }>> = {
  'configuration-snippet': { why: never },
  'server-snippet': { why: never },
  'stream-snippet': { why: never },
  'auth-snippet': { why: never },
  'modsecurity-snippet': { why: firewall },
  'enable-modsecurity': { why: firewall },
  'enable-owasp-core-rules': { why: firewall },
  'modsecurity-transaction-id': { why: firewall },
  'auth-tls-error-page': { why: 'who shows no certificate is refused in the handshake' },
  'auth-tls-match-cn': { why: 'only authorities are checked', isGuard: true },
  satisfy: { why: 'all of the conditions must hold' },
  'custom-http-errors': { why: 'answers of servers go out as they are' },
  'custom-headers': { why: 'headers are not taken from ConfigMaps' },
  'enable-access-log': { why: elsewhere },
  'enable-opentelemetry': { why: elsewhere },
  'enable-opentracing': { why: elsewhere },
  'proxy-redirect-from': { why: 'the Location of answers goes out as it is' },
  'proxy-redirect-to': { why: 'the Location of answers goes out as it is' },
  'proxy-cookie-domain': { why: 'cookies of answers go out as they are' },
  'proxy-cookie-path': { why: 'cookies of answers go out as they are' },
  'limit-rate': { why: 'answers are not slowed down' },
  'limit-rate-after': { why: 'answers are not slowed down' },
  'global-rate-limit': { why: 'each node counts for itself; take limit-rps' },
  'ssl-ciphers': { why: 'ciphers are set for the whole gateway' },
};

/** Nothing needs to be done for these: HAProxy does not put bodies into files, or they belong to another annotation that is told. */
const needless: ReadonlySet<string> = new Set([
  'affinity-mode',
  'affinity-canary-behavior',
  'session-cookie-change-on-failure',
  'session-cookie-conditional-samesite-none',
  'auth-tls-verify-depth',
  'auth-tls-pass-certificate-to-upstream',
  'auth-request-redirect',
  'auth-proxy-set-headers',
  'auth-cache-key',
  'auth-cache-duration',
  'auth-keepalive',
  'auth-keepalive-requests',
  'auth-keepalive-share-vars',
  'auth-keepalive-timeout',
  'auth-always-set-cookie',
  'enable-global-auth',
  'client-body-buffer-size',
  'connection-proxy-header',
  'enable-rewrite-log',
  'global-rate-limit-window',
  'global-rate-limit-key',
  'global-rate-limit-ignored-cidrs',
  'http2-push-preload',
  'mirror-request-body',
  'mirror-host',
  'opentelemetry-operation-name',
  'opentelemetry-trust-incoming-span',
  'opentracing-trust-incoming-span',
  'preserve-trailing-slash',
  'proxy-buffering',
  'proxy-buffers-number',
  'proxy-buffer-size',
  'proxy-busy-buffers-size',
  'proxy-http-version',
  'proxy-max-temp-file-size',
  'proxy-next-upstream-timeout',
  'proxy-request-buffering',
  'proxy-ssl-ciphers',
  'proxy-ssl-protocols',
  'proxy-ssl-verify-depth',
  'relative-redirects',
  'ssl-prefer-server-ciphers',
  'upstream-hash-by-subset',
  'upstream-hash-by-subset-size',
  'use-port-in-redirects',
]);

/** Of naru itself, and read elsewhere. */
const others: ReadonlySet<string> = new Set(['acme']);

/** For the reference: which are taken, and which are refused with their reason. */
export const knownAnnotations = {
  taken: Object.keys(parsers) as readonly AnnotationName[],
  guards,
  refused,
} as const;

export interface ReadAnnotations {
  readonly values: Annotations;
  /** A sentence each, with the annotation's full name. */
  readonly problems: readonly string[];
  /** Its paths are closed. */
  readonly isClosed: boolean;
}

export function readAnnotations(annotations: Readonly<Record<string, string>> = {}): ReadAnnotations {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  let isClosed = false;
  for (const prefix of annotationPrefixes) {
    for (const [key, text] of Object.entries(annotations)) {
      if (!key.startsWith(prefix)) continue;
      const name = key.slice(prefix.length);
      if (Object.hasOwn(values, name)) continue;
      const outcome = readOne(name, text);
      if (outcome === undefined) continue;
      if ('value' in outcome) values[name] = outcome.value;
      else problems.push(`${key}: ${outcome.problem}`);
      if ('isGuard' in outcome) isClosed ||= outcome.isGuard;
    }
  }
  return { values, problems, isClosed };
}

type ReadOne = { readonly value: unknown } | { readonly problem: string; readonly isGuard: boolean };

function readOne(name: string, text: string): ReadOne | undefined {
  if (needless.has(name) || others.has(name)) return undefined;
  const no = Object.hasOwn(refused, name) ? refused[name] : undefined;
  if (no !== undefined) return refusal(`is not taken: ${no.why}`, no.isGuard ?? false);
  if (!isTaken(name)) return { problem: 'is not known, and has no effect', isGuard: false };
  try {
    return { value: parsers[name](as.checkedText(text)) };
  } catch (error) {
    return refusal((error as Error).message, guards.has(name));
  }
}

function refusal(problem: string, isGuard: boolean): ReadOne {
  return { problem: isGuard ? `${problem}; its paths answer 503 until this is right` : problem, isGuard };
}

const isTaken = (name: string): name is AnnotationName => Object.hasOwn(parsers, name);
