/** The parts of HAProxy's configuration that no object of the API changes: limits, times, TLS, where it is told what to do. */
import { STATUS_CODES } from 'node:http';
import path from 'node:path';
import { generationMark, socketName } from './rendering.ts';
import { word } from './words.ts';

export interface GlobalSettings {
  /** The one of HAProxy's files, absolute. */
  readonly folder: string;
  /** Who runs the workers, once they have their ports and files: of root alone. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly threads: number;
  readonly connectionsMax: number;
  readonly accessLog: 'off' | 'json' | 'common';
  /** What stands for all addresses: with IPv6 one socket for both families. */
  readonly anyAddress: '::' | '0.0.0.0';
}

/** Workers of before a reload, which still have connections: beyond it the oldest lose theirs. Each takes some 8 MB. */
const oldWorkersMax = 30;
/** As long as a WebSocket may outlive a reload. */
const oldWorkerHours = 24;

/** Connections that are kept between requests go over to the new worker one by one, with an answer that says so: seldom while a client is
 * about to ask. Not longer: each of their requests goes through both workers. */
const closeSpreadSeconds = 5;

/** Mozilla's "intermediate" of TLS 1.2; those of TLS 1.3 are OpenSSL's own. */
const ciphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Each at another server. Where most of a Service's pods end at once, the first few may be among them. */
const retriesMax = 7;

const errors = [400, 403, 404, 408, 413, 500, 502, 503, 504];

export function globalText(settings: GlobalSettings, script: string | undefined): string {
  const { folder, user, threads, connectionsMax, accessLog } = settings;
  return [
    'global',
    `  description ${generationMark}`,
    '  default-path config',
    `  stats socket ${word(path.join(folder, socketName))} mode 600 level admin expose-fd listeners`,
    '  stats timeout 1m',
    ...(user === undefined ? [] : [`  uid ${user.uid}`, `  gid ${user.gid}`]),
    `  nbthread ${threads}`,
    `  maxconn ${connectionsMax}`,
    '  no strict-limits',
    `  close-spread-time ${closeSpreadSeconds}s`,
    `  hard-stop-after ${oldWorkerHours}h`,
    `  mworker-max-reloads ${oldWorkersMax}`,
    `  ssl-default-bind-ciphers ${ciphers}`,
    '  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets',
    `  ssl-default-server-ciphers ${ciphers}`,
    '  ssl-default-server-options ssl-min-ver TLSv1.2',
    ...(accessLog === 'off' ? [] : ['  log stdout len 8192 format raw local0']),
    // Read late, when other paths are not followed from the configuration's folder any more.
    ...(script === undefined ? [] : [`  lua-load-per-thread ${word(folder)}/${generationMark}/${script}`]),
    '',
    'defaults common',
    ...(accessLog === 'off' ? [] : ['  log global', '  option dontlognull']),
    '  timeout connect 5s',
    '  timeout queue 10s',
    '  timeout client-fin 30s',
    '  timeout tunnel 1h',
    '  option redispatch 1',
    `  retries ${retriesMax}`,
    '',
    'defaults tcp from common',
    '  mode tcp',
    '  timeout client 1h',
    '  timeout server 1h',
    '',
    'defaults http from common',
    '  mode http',
    '  timeout client 60s',
    '  timeout server 60s',
    '  timeout http-request 60s',
    '  timeout http-keep-alive 75s',
    '  retry-on conn-failure empty-response',
    ...errors.map(
      (status) => `  http-error status ${status} content-type text/plain string '${status} ${STATUS_CODES[status]}'`,
    ),
    '',
  ].join('\n');
}

/** Fields of a line of the access log, as samples. */
const logFields = {
  // Of the end of the answer.
  time: '%[date,utime(%Y-%m-%dT%H:%M:%SZ)]',
  client: '%ci',
  host: '%[var(txn.host),json(utf8s)]',
  method: '%[capture.req.method,json(utf8s)]',
  path: '%[capture.req.uri,json(utf8s)]',
  protocol: '%[capture.req.ver]',
  backend: '%b',
  server: '%s',
} as const;

/** Lines of a frontend that log its requests. */
export function logLines(accessLog: GlobalSettings['accessLog']): string[] {
  if (accessLog === 'off') return [];
  if (accessLog === 'common')
    return [`log-format ${word('%ci - - [%trl] "%HM %HU %HV" %ST %B %[var(txn.host)] %b/%s %Ta')}`];
  const texts = Object.entries(logFields).map(([name, sample]) => `"${name}":"${sample}"`);
  const numbers = [
    '"status":%ST',
    '"bytes":%B',
    '"queueMs":%Tw',
    '"connectMs":%Tc',
    '"responseMs":%Tr',
    '"totalMs":%Ta',
  ];
  return [`log-format ${word(`{${[...texts, ...numbers].join(',')}}`)}`];
}
