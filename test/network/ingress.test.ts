/** Ingresses with the annotations of ingress-nginx, carried out by the real HAProxy: what clients and servers see of them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import type { Ingress } from '../../src/api/schema/types/networking-v1.ts';
import { answersOf, challengePath } from '../../src/network/gateway/acme/challenges.ts';
import {
  makeIngress,
  ownClass,
  sourcesOf,
  type Wanted,
  type World,
} from '../../src/network/gateway/ingress/testing.ts';
import { translateIngresses } from '../../src/network/gateway/ingress/translate.ts';
import { merge } from '../../src/network/gateway/merge.ts';
import type { Certificate, Server } from '../../src/network/gateway/plan.ts';
import { issueAuthority, issueLeaf } from '../../src/server/certificates/issue.ts';
import { type Answer, type AskOptions, ask, freePort, HaproxyLab } from './haproxy-lab.ts';
import { needsNetwork } from './net-lab.ts';

const lifetime = { nowMs: Date.now(), lifetimeMs: 24 * 60 * 60_000 };
const authority = await issueAuthority('Lab', lifetime);
const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };

async function certificate(
  usage: 'server' | 'client',
  name: string,
): Promise<{ readonly pem: string; readonly cert: string; readonly key: string }> {
  const subject = { commonName: name, organizations: [] };
  const { certificate: cert, key } = await issueLeaf(issuer, { ...lifetime, subject, usage, names: [name] });
  return { pem: key + cert, cert, key };
}

const fallback: Certificate = {
  serverName: '*',
  id: 'default',
  pem: (await certificate('server', 'default.example')).pem,
};

const rules = { 'a.example/': 'web' };
const crypted = execFileSync('openssl', ['passwd', '-6', 'secret'], { encoding: 'utf8' }).trim();

/** What the Ingress of host `HOST` says, what is asked, what comes back: `server path`, or a status with what matters. */
type Row = readonly [
  name: string,
  wanted: Wanted,
  asked: AskOptions,
  told: (answer: Answer) => unknown,
  expected: unknown,
];

const where = ({ status, asked }: Answer): string => (asked ? `${asked.server} ${asked.url}` : String(status));
const redirect = ({ status, headers }: Answer): string => `${status} ${headers.location}`;
const header =
  (name: string) =>
  ({ asked }: Answer): unknown =>
    asked?.headers[name];
const answered =
  (name: string) =>
  ({ headers }: Answer): unknown =>
    headers[name];
const says = (annotations: Readonly<Record<string, string>>, more: Wanted = {}): Wanted => ({
  rules,
  annotations,
  ...more,
});
const regex = { 'use-regex': 'true', 'rewrite-target': '/$2' };
const basic = { 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'Staff only' };
const login = (text: string) => ({ headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } });

const rows: readonly Row[] = [
  ['a plain one', says({}), { path: '/x?y=1' }, where, 'web /x?y=1'],
  [
    'rewrite with groups',
    says(regex, { rules: { 'a.example/api(/|$)(.*)': 'api' } }),
    { path: '/api/v1/x?q=1' },
    where,
    'api /v1/x?q=1',
  ],
  [
    'rewrite of the root',
    says(regex, { rules: { 'a.example/api(/|$)(.*)': 'api' } }),
    { path: '/API' },
    where,
    'api /',
  ],
  ['no match', says(regex, { rules: { 'a.example/api(/|$)(.*)': 'api' } }), { path: '/apis' }, where, '404'],
  [
    'rewrite to a fixed path',
    says({ 'rewrite-target': '/new' }, { rules: { 'a.example/old': 'web' } }),
    { path: '/old/x?k=v' },
    where,
    'web /new?k=v',
  ],
  ['app-root', says({ 'app-root': '/app' }), {}, redirect, '302 /app'],
  [
    'permanent-redirect',
    says({ 'permanent-redirect': 'https://b.example/x?y' }),
    { path: '/z?q' },
    redirect,
    '301 https://b.example/x?y',
  ],
  ['force-ssl-redirect', says({ 'force-ssl-redirect': 'true' }), { path: '/x?y' }, (answer) => answer.status, 308],
  ['upstream-vhost', says({ 'upstream-vhost': 'in.example' }), {}, header('host'), 'in.example'],
  ['x-forwarded-prefix', says({ 'x-forwarded-prefix': '/p' }), {}, header('x-forwarded-prefix'), '/p'],
  ['who may come in', says({ 'whitelist-source-range': '10.0.0.0/8' }), {}, where, '403'],
  ['who may, and does', says({ 'whitelist-source-range': '10.0.0.0/8,127.0.0.0/8' }), {}, where, 'web /'],
  ['who may not', says({ 'denylist-source-range': '127.0.0.1' }), {}, where, '403'],
  [
    'no user',
    says(basic),
    {},
    (answer) => [answer.status, answer.headers['www-authenticate']],
    [401, 'Basic realm="Staff only"'],
  ],
  ['a wrong password', says(basic), login('ann:wrong'), where, '401'],
  ['the right one', says(basic), login('ann:secret'), where, 'web /'],
  ['a Secret that is not there', says({ ...basic, 'auth-secret': 'gone' }), login('ann:secret'), where, '503'],
  [
    'a body that is too long',
    says({ 'proxy-body-size': '1k' }),
    { method: 'POST', body: 'x'.repeat(2000) },
    where,
    '413',
  ],
  ['a body that is not', says({ 'proxy-body-size': '1k' }), { method: 'POST', body: 'x'.repeat(1000) }, where, 'web /'],
  [
    'another site asks whether it may',
    says({ 'enable-cors': 'true', 'cors-allow-origin': 'https://b.example' }),
    { method: 'OPTIONS', headers: { origin: 'https://b.example', 'access-control-request-method': 'PUT' } },
    answered('access-control-allow-origin'),
    'https://b.example',
  ],
  [
    'a cookie for the server',
    says({ affinity: 'cookie', 'session-cookie-name': 'route' }),
    {},
    (answer) => String(answer.headers['set-cookie']).startsWith('route='),
    true,
  ],
  ['a Service that is not there', says({}, { rules: { 'a.example/': 'gone' } }), {}, where, '503'],
  ['a bad guard', says({ 'whitelist-source-range': 'everybody' }), {}, where, '503'],
  ['one that is not taken', says({ 'configuration-snippet': 'return 200;' }), {}, where, 'web /'],
];

describe('Ingresses', needsNetwork, () => {
  const lab = new HaproxyLab();
  const ports = { httpPort: 0, httpsPort: 0, acceptProxyFrom: [] };
  let world: World = {};

  before(async () => {
    const made: Record<string, readonly Server[]> = {};
    for (const name of ['web', 'api', 'new']) {
      const { port } = await lab.server(name);
      made[name] = [{ address: '127.0.0.1', port, isDraining: false }];
    }
    const users = { users: { kind: 'found', value: [`ann:${crypted}`] } } as const;
    world = { servers: made, users };
    ports.httpPort = await freePort();
    ports.httpsPort = await freePort();
  });

  after(() => lab.close());

  async function serve(
    ingresses: readonly Ingress[],
    more: World = {},
    answers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const sources = { ...sourcesOf({ ...world, ...more }), defaultCertificate: fallback, nowMs: Date.now() };
    const contribution = translateIngresses({ ingresses, classes: [ownClass] }, sources, ports);
    const { plan } = merge([contribution]);
    const entries = plan.entries.map((entry) =>
      entry.answers ? { ...entry, answers: answersOf({ data: answers }) } : entry,
    );
    assert.deepEqual(await lab.apply({ ...plan, entries }), []);
  }

  test('each annotation does what it is for', async () => {
    // One host for each row: all of them are in force together.
    const host = (at: number): string => `h${at}.example`;
    const ingresses = rows.map(([, wanted], at) => {
      const own = Object.entries(wanted.rules ?? {}).map(([place, to]) => [place.replace('a.example', host(at)), to]);
      return makeIngress({ ...wanted, name: `i${at}`, rules: Object.fromEntries(own) });
    });
    await serve(ingresses);
    for (const [at, [name, , asked, told, expected]] of rows.entries()) {
      const answer = await ask(ports.httpPort, { ...asked, headers: { host: host(at), ...asked.headers } });
      assert.deepEqual(told(answer), expected, `${name}: ${answer.status} ${answer.body.slice(0, 200)}`);
    }
  });

  test('canaries get their share, and those who ask for them by header and cookie', async () => {
    const annotations = {
      canary: 'true',
      'canary-by-header': 'X-New',
      'canary-by-cookie': 'new',
      'canary-weight': '30',
    };
    await serve([
      makeIngress({ rules }),
      makeIngress({ name: 'canary', age: 2, rules: { 'a.example/': 'new' }, annotations }),
    ]);
    const servers = async (headers: Readonly<Record<string, string>>, times: number): Promise<number> => {
      let count = 0;
      for (let turn = 0; turn < times; turn++) {
        const { asked } = await ask(ports.httpPort, { headers: { host: 'a.example', ...headers } });
        if (asked?.server === 'new') count++;
      }
      return count;
    };
    assert.equal(await servers({ 'x-new': 'always' }, 5), 5);
    assert.equal(await servers({ 'x-new': 'never', cookie: 'new=always' }, 5), 0);
    assert.equal(await servers({ cookie: 'a=b; new=always' }, 5), 5);
    const share = await servers({}, 300);
    assert.ok(share > 50 && share < 130, `${share} of 300`);
  });

  test('more requests than allowed are turned away, and others are not', async () => {
    const annotations = { 'limit-rps': '1', 'limit-burst-multiplier': '3' };
    await serve([makeIngress({ rules, annotations }), makeIngress({ name: 'other', rules: { 'b.example/': 'api' } })]);
    const statuses: number[] = [];
    for (let turn = 0; turn < 20; turn++)
      statuses.push((await ask(ports.httpPort, { headers: { host: 'a.example' } })).status);
    assert.equal(statuses[0], 200);
    assert.equal(statuses.at(-1), 503);
    assert.equal((await ask(ports.httpPort, { headers: { host: 'b.example' } })).status, 200);
  });

  test('a challenge of ACME is answered before redirects and for every host', async () => {
    await serve(
      [makeIngress({ rules, annotations: { 'force-ssl-redirect': 'true' } })],
      {},
      { tokenA: 'tokenA.print' },
    );
    for (const host of ['a.example', 'unknown.example']) {
      const { status, body } = await ask(ports.httpPort, { path: challengePath('tokenA'), headers: { host } });
      assert.deepEqual([status, body], [200, 'tokenA.print']);
    }
    const { status } = await ask(ports.httpPort, { path: challengePath('tokenB'), headers: { host: 'a.example' } });
    assert.equal(status, 308);
  });

  test('names have their certificates, others the default one', async () => {
    const own = await certificate('server', 'a.example');
    const facts = { id: 'default/tls', pem: own.pem, names: ['a.example'], notBeforeMs: 0, notAfterMs: 1e15 };
    const ingress = makeIngress({ rules });
    const spec = {
      ...ingress.spec,
      tls: [
        { hosts: ['a.example'], secretName: 'tls' },
        { hosts: ['c.example'], secretName: 'gone' },
      ],
    };
    await serve([{ ...ingress, spec }, makeIngress({ name: 'c', rules: { 'c.example/': 'api' } })], {
      certificates: { tls: { kind: 'found', value: facts } },
    });
    const names = await Promise.all(['a.example', 'c.example'].map((name) => commonNameAt(ports.httpsPort, name)));
    assert.deepEqual(names, ['a.example', 'default.example']);
    const overTls = await ask(ports.httpsPort, { serverName: 'a.example', headers: { host: 'a.example' } });
    assert.equal(where(overTls), 'web /');
    assert.equal(overTls.asked?.headers['x-forwarded-proto'], 'https');
    assert.equal((await ask(ports.httpPort, { headers: { host: 'a.example' } })).status, 308);
  });

  test('clients show certificates where they must, whatever name they come by', async () => {
    const [own, other, client] = await Promise.all([
      certificate('server', 'a.example'),
      certificate('server', 'b.example'),
      certificate('client', 'ann'),
    ]);
    const factsOf = (id: string, pem: string, name: string) =>
      ({ kind: 'found', value: { id, pem, names: [name], notBeforeMs: 0, notAfterMs: 1e15 } }) as const;
    const withTls = (name: string, annotations: Readonly<Record<string, string>>): Ingress => {
      const ingress = makeIngress({ name, rules: { [`${name}.example/`]: 'web' }, annotations });
      return { ...ingress, spec: { ...ingress.spec, tls: [{ hosts: [`${name}.example`], secretName: name }] } };
    };
    await serve([withTls('a', { 'auth-tls-secret': 'default/ca' }), withTls('b', {})], {
      certificates: { a: factsOf('default/a', own.pem, 'a.example'), b: factsOf('default/b', other.pem, 'b.example') },
      authorities: { ca: { kind: 'found', value: authority.certificate } },
    });
    assert.equal(await statusOverTls(ports.httpsPort, 'a.example', 'a.example', client), 200);
    await assert.rejects(statusOverTls(ports.httpsPort, 'a.example', 'a.example'));
    assert.equal(await statusOverTls(ports.httpsPort, 'b.example', 'b.example'), 200);
    assert.equal(await statusOverTls(ports.httpsPort, 'b.example', 'a.example'), 421, 'by another name');
  });

  test('what leads on by server name is not opened', async () => {
    const own = await certificate('server', 'inner.example');
    const inner = await lab.server('inner', undefined, { cert: own.cert, key: own.key });
    const servers = {
      ...world.servers,
      web: [{ address: '127.0.0.1', port: (inner.http.address() as AddressInfo).port, isDraining: false }],
    };
    await serve([makeIngress({ rules, annotations: { 'ssl-passthrough': 'true' } })], { servers });
    assert.equal(await commonNameAt(ports.httpsPort, 'a.example'), 'inner.example');
    assert.equal(await commonNameAt(ports.httpsPort, 'b.example'), 'default.example');
  });
});

/** Whom the certificate names that a server name gets. */
function commonNameAt(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      const { CN = '' } = socket.getPeerCertificate().subject;
      resolve(String(CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function statusOverTls(
  port: number,
  servername: string,
  host: string,
  client?: { readonly cert: string; readonly key: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const own = client && { cert: client.cert, key: client.key };
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...own });
    socket.on('error', reject);
    const request = http.request({ createConnection: () => socket, headers: { host } });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
      socket.destroy();
    });
    request.end();
  });
}
