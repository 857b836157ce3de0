import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import type { Store } from '../../store/store.ts';
import type { Authentication, Authenticator } from './authentication.ts';
import { RemovedNodes } from './removed-nodes.ts';

const user: Authentication = { kind: 'user', user: { name: 'somebody', groups: [] } };
const inner: Authenticator = { authenticate: () => user };
const minuteMs = 60_000;
const removedMs = Date.UTC(2026, 0, 1, 12);

function startWorld(data: Readonly<Record<string, string>> | undefined) {
  const object: ConfigMap | undefined = data && { data };
  const store = { get: () => object && { object } } as unknown as Pick<Store, 'get'>;
  const authenticator = new RemovedNodes(inner, store);
  /** @param madeMs when the certificate was made, which says that it is good from five minutes before */
  return (commonName: string, madeMs: number) =>
    authenticator.authenticate({
      headers: {},
      certificate: {
        trusted: true,
        commonName,
        organizations: [],
        notBeforeMs: madeMs - 5 * minuteMs,
        notAfterMs: Number.MAX_SAFE_INTEGER,
      },
    });
}

test('certificates from before a removal are refused, later ones and everybody else’s are not', () => {
  const ask = startWorld({ n1: new Date(removedMs).toISOString() });
  const wrong = { kind: 'refused', why: 'certificate is of a node that was removed from the cluster' };
  assert.deepEqual(ask('system:node:n1', removedMs - minuteMs), wrong);
  assert.deepEqual(ask('system:node:n1', removedMs - 90 * 24 * 60 * minuteMs), wrong);
  assert.equal(ask('system:node:n1', removedMs + 1000), user);
  assert.equal(ask('system:node:n2', removedMs - minuteMs), user);
  assert.equal(ask('n1', removedMs - minuteMs), user);
});

test('without a note, or with one that nobody can read, nobody is refused', () => {
  assert.equal(startWorld(undefined)('system:node:n1', removedMs), user);
  assert.equal(startWorld({ n1: 'yesterday' })('system:node:n1', removedMs), user);
});
