/** Whatever the texts of objects hold: HAProxy takes the configuration, and nothing in it comes out of its place. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { nextInt, type Prng, SeededPrng } from '../../src/lib/prng.ts';
import { render } from '../../src/network/gateway/haproxy/render.ts';
import { allFiles, configName, type Rendering } from '../../src/network/gateway/haproxy/rendering.ts';
import { make } from '../../src/network/gateway/haproxy/testing.ts';
import type { Filter, Plan, Route } from '../../src/network/gateway/plan.ts';
import { needsNetwork } from './net-lab.ts';

const pieces = [
  ...Array.from('abc/.-_~!$&*+,;=:@?#%|^<>(){}[]"\'`\\ \t\n\r\0\u0001\u0002\u0003\u007fé中'),
  '%[src]',
  '%{+Q}',
  '${HOME}',
  '$1',
  '\\1',
  'if',
  'unless',
  '}',
  '{ always_true }',
  '--',
  '-f /etc/passwd',
  '<<',
  '\uD800',
  '(?i)',
  '(?=x)',
  '(a+)+',
  '[a-z]',
  '[^',
  '\\d',
  '{2}',
  'str(x)',
  'TRUE',
  ']',
  '%%',
  '\r\nX-Evil: 1',
  '\nbackend evil',
];

const textOf = (prng: Prng): string =>
  Array.from({ length: nextInt(prng, 6) }, () => pieces[nextInt(prng, pieces.length)]).join('');

function filtersOf(prng: Prng): Filter[] {
  const text = () => textOf(prng);
  const change = { set: [{ name: text(), value: text() }], add: [{ name: 'x-a', value: text() }], remove: [text()] };
  const all: Filter[] = [
    { kind: 'requestHeaders', change },
    { kind: 'responseHeaders', change: { ...change, set: [{ name: 'x-b', value: text() }], remove: [] } },
    { kind: 'rewrite', to: { host: text(), path: { kind: 'full', value: text() } } },
    { kind: 'rewrite', to: { path: { kind: 'prefix', value: `/${text()}` } } },
    { kind: 'rewrite', to: { path: { kind: 'regex', value: `/$1${text()}` } } },
    {
      kind: 'basicAuth',
      realm: text(),
      users: [`${text()}:${text()}`, `a:$apr1$${text()}$${text()}`, `b:$6$${text()}`],
    },
    { kind: 'mirror', backend: 'a', percent: nextInt(prng, 100) },
    {
      kind: 'externalAuth',
      ...(prng.next() < 0.5 && { backend: 'a' }),
      host: text(),
      path: `/${text()}`,
      responseHeaders: prng.next() < 0.5 ? ['x-user'] : [text()],
      signIn: text(),
    },
    { kind: 'allowClients', ranges: ['10.0.0.0/8', text()] },
    {
      kind: 'cors',
      cors: {
        origins: [text(), `https://*.${text()}`],
        methods: [text()],
        headers: ['*'],
        exposeHeaders: [text()],
        allowCredentials: true,
        maxAgeSeconds: 5,
      },
    },
  ];
  return all.filter(() => prng.next() < 0.2);
}

function routeOf(prng: Prng): Route {
  const text = () => textOf(prng);
  const kind = (['prefix', 'exact', 'regex'] as const)[nextInt(prng, 3)] as 'prefix';
  const some = <T>(value: T): T[] => (prng.next() < 0.2 ? [value] : []);
  const match = {
    path: { kind, value: `/${text()}`, ignoreCase: prng.next() < 0.3 },
    headers: [
      ...some({ kind: 'exact' as const, name: 'x-y', value: text() }),
      ...some({ kind: 'regex' as const, name: text(), value: text() }),
    ],
    query: some({ kind: 'exact' as const, name: text(), value: text() }),
    ...(prng.next() < 0.1 && { method: text() }),
    ...(prng.next() < 0.1 && { cookie: { name: text(), value: text() } }),
  };
  const actions: Route['action'][] = [
    { kind: 'redirect', status: 302, to: { host: text(), path: { kind: 'regex', value: text() } } },
    { kind: 'redirect', status: 301, to: { location: text() } },
    { kind: 'respond', status: 200, body: text(), contentType: text() },
    {
      kind: 'forward',
      targets: [make.target('a', { weight: nextInt(prng, 5) }), make.target('b', { filters: filtersOf(prng) })],
      options: {
        cookie: { name: text(), isSession: true, path: `/${text()}`, sameSite: text() },
        rateLimit: { perSecond: 0.5, burst: 3 },
      },
    },
    {
      kind: 'forward',
      targets: [make.target('a')],
      options: { hash: { kind: 'header', name: text() }, requestTimeoutMs: 0.4 },
    },
    { kind: 'forward', targets: [make.target(text())] },
  ];
  return {
    id: text(),
    source: make.source(text()),
    match,
    filters: filtersOf(prng),
    action: actions[nextInt(prng, actions.length)] as Route['action'],
  };
}

function planOf(prng: Prng): Plan {
  const text = () => textOf(prng);
  const hosts = Array.from({ length: 8 }, () =>
    make.host(prng.next() < 0.3 ? `*.${text()}` : text(), ...Array.from({ length: 6 }, () => routeOf(prng))),
  );
  const tlsOf = () => ({ serverName: text(), verifiedNames: [text()] });
  const servers = [make.server(80), make.server(80, { address: text() }), make.server(81, { address: 'web.test' })];
  const backends = [
    make.backend('a', servers),
    make.backend('b', servers, { protocol: 'https', tls: tlsOf() }),
    make.backend(text() || 'c', servers, { protocol: 'h2', tls: tlsOf() }),
  ];
  const passThrough = [{ serverName: text(), targets: [make.target('a'), make.target(text())], source: make.source() }];
  const entries = [
    make.entry(8080, hosts, { answers: [{ path: `/${text()}`, body: 'ok' }] }),
    make.entry(8443, hosts, { protocol: 'https', passThrough }),
    make.entry(9000, [], { protocol: 'tcp', targets: [make.target('a', { weight: 2 }), make.target('b')] }),
    make.entry(9001, [], { protocol: 'tls', passThrough, terminated: passThrough }),
  ];
  return make.plan(entries, backends);
}

/** HAProxy's complaints about a rendering. */
function problemOf(rendering: Rendering): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-check-'));
  try {
    mkdirSync(path.join(folder, '1'));
    for (const [name, text] of allFiles(rendering, 1)) writeFileSync(path.join(folder, '1', name), text);
    execFileSync('haproxy', ['-c', '-q', '-f', path.join(folder, '1', configName)], { stdio: 'pipe' });
    return '';
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr ?? error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('Any text', needsNetwork, () => {
  for (let seed = 1; seed <= 25; seed++) {
    test(`of seed ${seed} gives a configuration that HAProxy takes, the same each time`, () => {
      const plan = planOf(new SeededPrng(seed));
      const rendering = render(plan, make.settings());
      assert.equal(
        problemOf(rendering)
          .split('\n')
          .filter((line) => line.includes('ALERT'))
          .join('\n'),
        '',
      );
      assert.deepEqual(render(plan, make.settings()), rendering);
      assert.ok(!/^\s*(?:backend evil|X-Evil)/m.test(rendering.config));
    });
  }
});
