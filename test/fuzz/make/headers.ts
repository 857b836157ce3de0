/** Headers: what a client asks for, pretends to be and sends along. Names in lower case. */
import type { Chance, Weighted } from './chance.ts';
import { prototypeKeys } from './nasty.ts';

export type Headers = Readonly<Record<string, string>>;

const protobuf = 'application/vnd.kubernetes.protobuf';

const accepts: Weighted<string> = [
  [70, 'application/json'],
  [30, protobuf],
  [20, 'application/yaml'],
  [8, 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'],
  [4, `${protobuf};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io`],
  [4, 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'],
  [3, 'application/json;as=Table;v=v2;g=meta.k8s.io'],
  [3, 'application/json;as=__proto__;v=v1;g=meta.k8s.io'],
  [3, '*/*'],
  [2, 'application/*;q=0.1, text/html'],
  [2, 'text/html'],
  [1, 'image/png;q=1.0'],
  [1, ';;;,,,;q='],
  [1, 'application/json;q=0'],
  [1, 'application/json;q=NaN,application/yaml;q=1e400'],
  [1, 'application/cbor'],
  [1, 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'],
  [1, 'application/json;stream=watch'],
  [1, 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'],
  [1, 'application/json;profile=nopeer;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'],
  [1, Array.from({ length: 2_000 }, (_, i) => `a/b${i};q=0.${i}`).join(',')],
  [1, `application/json${';a=b'.repeat(3_000)}`],
  [1, `${'a'.repeat(10_000)}/*`],
  [1, '"'],
];

const impersonations: readonly Headers[] = [
  { 'impersonate-user': 'ann' },
  { 'impersonate-user': 'ann', 'impersonate-group': 'system:masters' },
  { 'impersonate-user': 'system:serviceaccount:default:default' },
  { 'impersonate-user': 'system:serviceaccount:::' },
  { 'impersonate-user': 'system:node:node-a' },
  { 'impersonate-user': 'system:anonymous' },
  { 'impersonate-user': '' },
  { 'impersonate-user': '__proto__' },
  { 'impersonate-group': 'a' },
  { 'impersonate-uid': 'a' },
  { 'impersonate-user': 'ann', 'impersonate-uid': 'x'.repeat(5_000) },
  { 'impersonate-user': 'ann', 'impersonate-extra-__proto__': 'a' },
  { 'impersonate-user': 'ann', 'impersonate-extra-a%2fb%zz': 'a' },
  { 'impersonate-user': 'ann', 'impersonate-extra-': 'a' },
  { 'impersonate-extra-scopes': 'a' },
];

const jwt = (head: object, body: object): string =>
  `${Buffer.from(JSON.stringify(head)).toString('base64url')}.${Buffer.from(JSON.stringify(body)).toString('base64url')}.AAAA`;

const authorizations: readonly string[] = [
  'Bearer x',
  'Bearer ',
  'Bearer a.b.c',
  'bearer  a b',
  'Basic YTpi',
  'Basic %%%',
  'Digest x',
  '',
  'Bearer ..',
  `Bearer ${jwt({ alg: 'none' }, { sub: 'system:serviceaccount:default:default' })}`,
  `Bearer ${jwt({ alg: 'ES256', kid: '__proto__' }, { iss: 'https://kubernetes.default.svc', sub: 'a', exp: 1e300 })}`,
  `Bearer ${jwt({ alg: 'RS256', crit: ['b64'], b64: false }, { aud: {}, exp: 'x' })}`,
  `Bearer ${Buffer.from('null').toString('base64url')}.${Buffer.from('[]').toString('base64url')}.`,
  `Bearer ${'a'.repeat(50_000)}`,
];

const others: Weighted<(chance: Chance) => Headers> = [
  [6, (chance) => chance.pick(impersonations)],
  [5, (chance) => ({ authorization: chance.pick(authorizations) })],
  [
    3,
    (chance) => ({
      'user-agent': chance.pick([
        '',
        'curl/8',
        'Mozilla/5.0',
        '/',
        'x'.repeat(10_000),
        'kubectl/v1.36.0 (x) y/z',
        '\t',
        '__proto__/1',
      ]),
    }),
  ],
  [3, (chance) => ({ 'accept-encoding': chance.pick(['gzip', 'br, gzip;q=0', 'identity', '*', 'gzip;q=x', ',,']) })],
  [2, (chance) => ({ 'audit-id': chance.pick(['a', '', 'x'.repeat(129), '__proto__', 'a b']) })],
  [2, (chance) => ({ 'content-encoding': chance.pick(['gzip', 'identity', 'br', 'x', 'deflate, gzip']) })],
  [1, (chance) => Object.fromEntries(Array.from({ length: chance.pick([100, 900]) }, (_, i) => [`x-many-${i}`, 'a']))],
  [1, (chance) => ({ 'x-large': 'a'.repeat(chance.pick([10_000, 200_000])) })],
  [1, (chance) => ({ [`x-${chance.pick(prototypeKeys).toLowerCase()}`]: '1' })],
  [1, () => ({ 'x-forwarded-for': '1.2.3.4, unknown', 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' })],
  [1, (chance) => ({ 'if-none-match': chance.pick(['*', '"x"', 'x']), 'if-modified-since': 'x' })],
  [1, (chance) => ({ range: chance.pick(['bytes=0-0', 'bytes=-', 'x']) })],
  [1, (chance) => ({ origin: chance.pick(['http://x', 'null']), cookie: 'a=b; '.repeat(chance.int(200)) })],
  [1, () => ({ 'x-http-method-override': 'DELETE' })],
  [1, (chance) => ({ warning: 'x', 'x-stream-protocol-version': chance.pick(['v4.channel.k8s.io', 'x']) })],
];

const contentTypes: readonly string[] = [
  '',
  'application/json',
  'application/yaml',
  protobuf,
  'application/cbor',
  'text/plain',
  'application/json; charset=latin1',
  'application/json;',
  'application/json;;;',
  'APPLICATION/JSON',
  'application/json, application/yaml',
  'multipart/form-data; boundary=x',
  `application/json; a="${'\\"'.repeat(300)}`,
  `application/json${'; a=b'.repeat(400)}`,
  '\t',
  'application/json-seq',
];

/** What goes with any request: mostly little. */
export function commonHeaders(chance: Chance, share = 6): Record<string, string> {
  const headers: Record<string, string> = {};
  if (chance.percent(40)) headers['accept'] = chance.weighted(accepts);
  while (chance.percent(share)) Object.assign(headers, chance.weighted(others)(chance));
  return headers;
}

/** The content type that is the body's, mostly. */
export function typed(chance: Chance, headers: Record<string, string>, contentType: string): Record<string, string> {
  const told = chance.percent(3) ? chance.pick(contentTypes) : contentType;
  if (told !== '') headers['content-type'] = told;
  return headers;
}

const upgrades: readonly Headers[] = [
  { upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
  {
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': 'v5.channel.k8s.io, v4.channel.k8s.io',
  },
  { upgrade: 'websocket', 'sec-websocket-version': '13' },
  { upgrade: 'websocket', 'sec-websocket-version': '99', 'sec-websocket-key': 'x' },
  {
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.AAAA, x',
  },
  {
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': ',,,',
    'sec-websocket-extensions': 'permessage-deflate; a="',
  },
  { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' },
  { upgrade: 'SPDY/3.1' },
  { upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' },
  { upgrade: 'naru-node' },
  { upgrade: 'x' },
  { upgrade: '' },
];

export function upgradeHeaders(chance: Chance): Headers {
  return { connection: chance.percent(90) ? 'Upgrade' : 'keep-alive, upgrade', ...chance.pick(upgrades) };
}
