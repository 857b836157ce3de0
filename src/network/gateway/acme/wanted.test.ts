import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Gateway } from '../../../api/schema/types/gateway-v1.ts';
import type { Ingress } from '../../../api/schema/types/networking-v1.ts';
import type { CertificateFacts, Found } from '../translator.ts';
import { decideCertificate, type KnownSecret, pauseAfter, renewalMs, wantedCertificates } from './wanted.ts';

const dayMs = 24 * 60 * 60_000;

const ingress = (
  name: string,
  annotations: object,
  ...tls: readonly (readonly [secretName: string, ...hosts: string[]])[]
): Ingress => ({
  metadata: { namespace: 'a', name, annotations: annotations as Record<string, string> },
  spec: { tls: tls.map(([secretName, ...hosts]) => ({ secretName, hosts })) },
});

test('what asks is an annotation; what is asked for are the Secrets and hosts of spec.tls', () => {
  const yes = { 'naru.io/acme': 'true' };
  const all = wantedCertificates(
    [
      ingress('one', yes, ['s', 'B.example', 'a.example'], ['t', 'c.example'], ['empty'], ['', 'd.example']),
      ingress('two', { 'kubernetes.io/tls-acme': 'True' }, ['s', 'a.example', '*.e.example', 'single']),
      ingress('no', { 'naru.io/acme': 'false' }, ['u', 'x.example']),
      ingress('none', {}, ['u', 'x.example']),
    ],
    [],
  );
  const told = [...all].map(([key, { names, impossible, by }]) => [
    key,
    names,
    impossible,
    by.map(({ object }) => object.metadata?.name),
  ]);
  assert.deepEqual(told, [
    ['a/s', ['a.example', 'b.example'], ['*.e.example', 'single'], ['one', 'two']],
    ['a/t', ['c.example'], [], ['one']],
  ]);
});

test('a Gateway asks for its listeners with a host name and a Secret of its own namespace', () => {
  const listener = (hostname: string | undefined, reference: object) => ({
    name: 'x',
    port: 443,
    protocol: 'HTTPS',
    ...(hostname !== undefined && { hostname }),
    tls: { certificateRefs: [reference as { readonly name: string }] },
  });
  const gateway: Gateway = {
    metadata: { namespace: 'a', name: 'gw', annotations: { 'naru.io/acme': 'true' } },
    spec: {
      gatewayClassName: 'naru',
      listeners: [
        listener('a.example', { name: 's' }),
        listener('b.example', { name: 's', namespace: 'a' }),
        listener('c.example', { name: 'far', namespace: 'b' }),
        listener('d.example', { name: 'x', kind: 'Other', group: 'y' }),
        listener(undefined, { name: 't' }),
      ],
    },
  };
  const all = wantedCertificates([], [gateway]);
  assert.deepEqual(
    [...all].map(([key, { names }]) => [key, names]),
    [['a/s', ['a.example', 'b.example']]],
  );
});

describe('when', () => {
  const facts = (notBeforeDay: number, notAfterDay: number, names = ['a.example']): CertificateFacts => ({
    id: 'a/s',
    pem: '',
    names,
    notBeforeMs: notBeforeDay * dayMs,
    notAfterMs: notAfterDay * dayMs,
  });

  test('a certificate is renewed 30 days before its end, or when a third of its life is left', () => {
    const rows: readonly (readonly [from: number, to: number, renewal: number])[] = [
      [0, 90, 60],
      [0, 365, 335],
      [0, 6, 4],
      [10, 55, 40],
    ];
    for (const [from, to, renewal] of rows) assert.equal(renewalMs(facts(from, to)), renewal * dayMs);
  });

  const found = (value: CertificateFacts): Found<CertificateFacts> => ({ kind: 'found', value });
  const good: KnownSecret = { isOurs: true, issuer: 'D', certificate: found(facts(0, 90)) };
  const rows: readonly (readonly [what: string, secret: KnownSecret | undefined, day: number, decision: string])[] = [
    ['none', undefined, 0, 'issue'],
    ['a good one', good, 59, 'wait'],
    ['one that ends soon', good, 60, 'issue'],
    ['one that has ended', good, 100, 'issue'],
    ['somebody’s own', { ...good, isOurs: false }, 100, 'leave'],
    ['one that cannot be used', { ...good, certificate: { kind: 'bad', why: 'x' } }, 0, 'issue'],
    ['one of another authority', { ...good, issuer: 'E' }, 0, 'issue'],
    ['one for other names', { ...good, certificate: found(facts(0, 90, ['b.example'])) }, 0, 'issue'],
    ['one for more names', { ...good, certificate: found(facts(0, 90, ['a.example', 'b.example'])) }, 0, 'wait'],
  ];
  for (const [what, secret, day, decision] of rows) {
    test(`${what} on day ${day}: ${decision}`, () => {
      assert.equal(decideCertificate({ names: ['a.example'] }, secret, 'D', day * dayMs).kind, decision);
    });
  }

  test('an authority that refuses is left alone for longer each time, and as long as it says', () => {
    const minutes = [1, 2, 3, 20].map((failures) => pauseAfter(failures, undefined) / 60_000);
    assert.deepEqual(minutes, [5, 10, 20, 720]);
    assert.equal(pauseAfter(1, 3_600_000), 3_600_000);
    assert.equal(pauseAfter(3, 1000), 20 * 60_000);
  });
});
