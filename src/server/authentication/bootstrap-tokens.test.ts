import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret } from '../../api/schema/types/core-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { JsonLogger } from '../../lib/log.ts';
import type { Entry, StoreKey } from '../../store/store.ts';
import { absent } from './authentication.ts';
import { BootstrapTokens } from './bootstrap-tokens.ts';

const good = {
  'token-id': 'abcdef',
  'token-secret': '0123456789abcdef',
  'usage-bootstrap-authentication': 'true',
};

function world(data: Readonly<Record<string, string>> = good, more: Partial<Secret> = {}) {
  const clock = new VirtualClock();
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  const secret: Secret = {
    metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(encoded) as Record<string, string>,
    ...more,
  };
  const lines: string[] = [];
  const log = new JsonLogger({ clock, write: (line) => void lines.push(line), level: 'debug' });
  const store = {
    get: ({ collection, namespace, name }: StoreKey) =>
      `${collection}/${namespace}/${name}` === 'secrets/kube-system/bootstrap-token-abcdef'
        ? ({ object: secret } as unknown as Entry)
        : undefined,
  };
  const tokens = new BootstrapTokens({ store, clock, log });
  return { lines, shows: (token = 'abcdef.0123456789abcdef') => tokens.authenticateToken(token) };
}

test('a bootstrap token is a bootstrapper, with the groups that its Secret names', () => {
  assert.deepEqual(world().shows(), {
    kind: 'user',
    user: { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] },
  });
  const groups = 'system:bootstrappers:workers,system:bootstrappers:a:b';
  assert.deepEqual(world({ ...good, 'auth-extra-groups': groups, expiration: '2026-01-01T00:00:01Z' }).shows(), {
    kind: 'user',
    user: {
      name: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:bootstrappers:a:b', 'system:bootstrappers:workers'],
    },
  });
});

test('whatever is wrong with it, nobody learns what, and no log holds the token', () => {
  const bad: readonly ReturnType<typeof world>[] = [
    world({ ...good, 'token-secret': '0123456789abcdeg' }),
    world({ ...good, 'token-secret': '' }),
    world({ ...good, 'token-id': 'abcdeg' }),
    world({ ...good, 'usage-bootstrap-authentication': 'false' }),
    world({ ...good, expiration: '2026-01-01T00:00:00Z' }),
    world({ ...good, expiration: '2025-12-31T00:00:00+00:00' }),
    world({ ...good, expiration: 'tomorrow' }),
    world({ ...good, 'auth-extra-groups': 'system:masters' }),
    world({ ...good, 'auth-extra-groups': 'system:bootstrappers:a,system:masters' }),
    world(good, { type: 'Opaque' }),
    world(good, {
      metadata: { name: 'bootstrap-token-abcdef', deletionTimestamp: '2026-01-01T00:00:00Z' },
    }),
  ];
  for (const { shows, lines } of bad) {
    assert.deepEqual(shows(), absent);
    assert.equal(lines.length, 1);
    assert.doesNotMatch(lines.join(), /0123456789/);
  }
});

test('what has not the form of a bootstrap token is none', () => {
  const { shows } = world();
  for (const token of [
    'abcdef',
    'abcdef.0123456789ABCDEF',
    'abcdeg.0123456789abcdef',
    'abcdef.0123456789abcdef\n',
    '',
  ]) {
    assert.deepEqual(shows(token), absent);
  }
});
