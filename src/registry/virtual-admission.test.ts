import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceTable } from '../api/resource-table.ts';
import { builtinSchema } from '../api/schema/load.ts';
import { forbidden } from '../api/status-error.ts';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { MemoryStore } from '../store/memory-store.ts';
import type { AdmissionPlugin } from './admission/admission.ts';
import { namespaceLifecycle } from './admission/namespace-lifecycle.ts';
import { Registry } from './registry.ts';
import type { ObjectResult, VirtualResource } from './request.ts';
import { resourceNamed } from './testing.ts';

const answering: VirtualResource = {
  async create(_target, body, _options, admission): Promise<ObjectResult> {
    const draft = { ...body };
    await admission?.mutate(draft);
    await admission?.validate(draft);
    return { object: draft, created: true, warnings: ['own'] };
  },
};

async function ask(plugin: AdmissionPlugin): Promise<ObjectResult> {
  const clock = new VirtualClock();
  const log = silentLogger;
  const store = new MemoryStore({ clock, log });
  await store.start();
  const name = 'localsubjectaccessreviews.authorization.k8s.io';
  const registry = new Registry({
    store,
    clock,
    prng: new SeededPrng(1),
    schema: builtinSchema(),
    resources: resourceTable(),
    log,
    virtualResources: new Map([[name, answering]]),
    admission: [plugin],
  });
  const user = { name: 'ann', groups: [] };
  const target = { user, resource: resourceNamed(name), namespace: 'default', name: '', subresource: '' };
  return registry.create(target, { spec: {} }, {});
}

test('a question passes admission, which may change it and warn, and what was noted for it is taken back', async () => {
  const seen: string[] = [];
  const answer = await ask({
    name: 'Test',
    mutate({ draft, target, collection, operation, warn }) {
      seen.push(`${operation} ${collection} in ${target.namespace}`);
      if (draft) draft['spec'] = { user: 'bob' };
      warn('mind that');
    },
    validate: ({ undoWith }) => undoWith(() => void seen.push('undone')),
  });
  assert.deepEqual(seen, ['CREATE localsubjectaccessreviews.authorization.k8s.io in default', 'undone']);
  assert.deepEqual(answer.object, { spec: { user: 'bob' } });
  assert.deepEqual(answer.warnings, ['own', 'mind that']);
});

test('what somebody may do is answered in any namespace, also in one that is not there', async () => {
  const lifecycle = { name: 'NamespaceLifecycle', mutate: namespaceLifecycle, validate: namespaceLifecycle };
  assert.equal((await ask(lifecycle)).created, true);
});

test('a question that admission refuses gets no answer', async () => {
  const refusal = forbidden({ group: '', kind: 'x', name: 'y' }, 'no');
  const refuse = (): never => {
    throw refusal;
  };
  await assert.rejects(ask({ name: 'Test', mutate: refuse }), refusal);
  await assert.rejects(ask({ name: 'Test', validate: refuse }), refusal);
});
