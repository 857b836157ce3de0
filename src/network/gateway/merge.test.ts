import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make } from './haproxy/testing.ts';
import { merge } from './merge.ts';
import type { Entry, Source } from './plan.ts';
import type { Contribution } from './translator.ts';

const old: Source = { kind: 'Ingress', namespace: 'default', name: 'old', created: '2026-01-01T00:00:00Z' };
const young: Source = { kind: 'HTTPRoute', namespace: 'default', name: 'young', created: '2026-02-01T00:00:00Z' };
const part = (...entries: Entry[]): Contribution => ({ entries, backends: new Map(), problems: [] });

test('hosts on one port are joined, and their routes stand in order of precedence', () => {
  const one = part(make.entry(80, [make.host('a.test', make.route('/long/path', 'a'), make.route('/', 'a'))]));
  const two = part(
    make.entry(80, [make.host('A.test', make.route('/long', 'b')), make.host('b.test', make.route('/', 'b'))]),
  );
  const { plan, problems } = merge([one, two]);
  assert.deepEqual(problems, []);
  assert.equal(plan.entries.length, 1);
  const hosts = plan.entries[0]?.hosts.map(({ host, routes }) => [host, routes.map(({ id }) => id)]);
  assert.deepEqual(hosts, [
    ['a.test', ['/long/path a', '/long b', '/ a']],
    ['b.test', ['/ b']],
  ]);
});

test('of two objects that want the same path the older has it, and the other is told', () => {
  const entryOf = (source: Source, backend: string) =>
    part(make.entry(80, [make.host('a.test', make.route('/x', backend, { source }))]));
  for (const parts of [
    [entryOf(old, 'a'), entryOf(young, 'b')],
    [entryOf(young, 'b'), entryOf(old, 'a')],
  ]) {
    const { plan, problems } = merge(parts);
    assert.deepEqual(
      plan.entries[0]?.hosts[0]?.routes.map(({ id }) => id),
      ['/x a'],
    );
    assert.deepEqual(problems, [
      { source: young, reason: 'PathConflict', message: 'a.test/x is served for Ingress default/old, which is older' },
    ]);
  }
});

test('a port that would have to speak two protocols speaks the older one', () => {
  const http = part(make.entry(443, [make.host('*', make.route('/', 'a', { source: young }))]));
  const https = part(make.entry(443, [make.host('*', make.route('/', 'a', { source: old }))], { protocol: 'https' }));
  const { plan, problems } = merge([http, https]);
  assert.deepEqual(
    plan.entries.map(({ protocol }) => protocol),
    ['https'],
  );
  assert.deepEqual(
    problems.map(({ source, reason }) => [source.name, reason]),
    [['young', 'PortConflict']],
  );
});

test('TLS that is only passed through joins a port where TLS ends', () => {
  const passThrough = [{ serverName: 'p.test', targets: [make.target('p')], source: young }];
  const tls = part(make.entry(443, [], { protocol: 'tls', passThrough }));
  const https = part(make.entry(443, [make.host('a.test', make.route('/', 'a'))], { protocol: 'https' }));
  const { plan, problems } = merge([tls, https]);
  assert.deepEqual(problems, []);
  assert.equal(plan.entries[0]?.protocol, 'https');
  assert.equal(plan.entries[0]?.passThrough.length, 1);
  assert.equal(plan.entries[0]?.hosts.length, 1);
});
