import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinSchema } from '../api/schema/load.ts';
import type { ValidatingAdmissionPolicy } from '../api/schema/types/admissionregistration-v1.ts';
import { validatingAdmissionPolicies as policies } from '../client/resources.ts';
import { startTestApi } from '../client/testing.ts';
import { validatingPolicyStatus } from './validating-policy-status.ts';

const policy = (name: string, expression: string): ValidatingAdmissionPolicy => ({
  metadata: { name },
  spec: {
    matchConstraints: {
      resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['CREATE'] }],
    },
    validations: [{ expression }],
  },
});

async function start() {
  const api = await startTestApi();
  const [loop] = validatingPolicyStatus({ ...api, rootCa: 'CA', schema: builtinSchema() });
  assert.ok(loop);
  await api.informers.start();
  await loop.start();
  await api.clock.advance(0);
  const settled = async (name: string): Promise<ValidatingAdmissionPolicy> => {
    await api.clock.advance(1_000);
    return api.client.get(policies, { namespace: '', name });
  };
  const close = async (): Promise<void> => {
    await loop.close();
    await api.informers.close();
    await api.store.close();
  };
  return { ...api, settled, close };
}

test('each policy says what its expressions would meet, and that nothing is wrong where nothing is', async () => {
  const { client, settled, close } = await start();
  await client.create(policies, policy('right', 'object.spec.replicas > 1'));
  await client.create(policies, policy('wrong', "object.spec.replicas > '1'"));
  assert.deepEqual((await settled('right')).status, { observedGeneration: 1, typeChecking: {} });
  const { status } = await settled('wrong');
  assert.equal(status?.observedGeneration, 1);
  assert.deepEqual(
    status.typeChecking?.expressionWarnings?.map(({ fieldRef }) => fieldRef),
    ['spec.validations[0].expression'],
  );
  await close();
});

test('a policy is checked again when it changes, and not when its status does', async () => {
  const { client, settled, store, close } = await start();
  await client.create(policies, policy('one', "object.spec.replicas > '1'"));
  await settled('one');
  const condition = {
    type: 'Seen',
    status: 'True',
    reason: 'Test',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const body = { status: { conditions: [condition] } };
  const reference = { namespace: '', name: 'one' };
  await client.patch(policies, reference, { type: 'merge', body }, { subresource: 'status' });
  const { revision } = store;
  await settled('one');
  assert.equal(store.revision, revision, 'nothing was written');
  await client.patch(policies, reference, { type: 'merge', body: { spec: { validations: [{ expression: 'true' }] } } });
  const after = await settled('one');
  assert.deepEqual(after.status, { observedGeneration: 2, typeChecking: {}, conditions: [condition] });
  await close();
});
