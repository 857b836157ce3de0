import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, rejection, startRegistry } from '../testing.ts';

const accounts = 'serviceaccounts';
const account = (name: string, enforce: string): object => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, annotations: { 'kubernetes.io/enforce-mountable-secrets': enforce } },
  secrets: [{ name: 'good' }],
  imagePullSecrets: [{ name: 'pull' }],
});

const env = (secret: string): object => ({
  env: [{ name: 'A', valueFrom: { secretKeyRef: { name: secret, key: 'k' } } }],
});
const envFrom = (secret: string): object => ({ envFrom: [{ secretRef: { name: secret } }] });
const container = (more: object): object => ({ name: 'c', image: 'x', ...more });
const main = (more: object): object => ({ containers: [container(more)] });

const secret = (name: string): string => `secret.secretName="${name}"`;
const refused: readonly (readonly [spec: object, what: string])[] = [
  [{ volumes: [{ name: 'v', secret: { secretName: 'bad' } }] }, `volume with ${secret('bad')}`],
  [main(env('bad')), `container c with envVar A referencing ${secret('bad')}`],
  [main(envFrom('bad')), `container c with envFrom referencing ${secret('bad')}`],
  [
    { initContainers: [{ name: 'i', image: 'x', ...env('bad') }] },
    `init container i with envVar A referencing ${secret('bad')}`,
  ],
  [
    { initContainers: [{ name: 'i', image: 'x', ...envFrom('bad') }] },
    `init container i with envFrom referencing ${secret('bad')}`,
  ],
];

test('an account that enforces it gives its pods the Secrets that it lists, and no others', async () => {
  const cluster = await startRegistry();
  await cluster.create(accounts, account('strict', 'true'));
  await cluster.create(accounts, account('lax', 'yes'));
  const pod = (serviceAccountName: string, spec: object) => make.pod({ spec: { serviceAccountName, ...spec } }, 'p');
  for (const [spec, what] of refused) {
    const { message } = await rejection(cluster.create('pods', pod('strict', spec)), 'Forbidden');
    const why = 'is not allowed because service account strict does not reference that secret';
    assert.equal(message, `pods "p" is forbidden: ${what} ${why}`);
  }
  const pulled = cluster.create('pods', pod('strict', { imagePullSecrets: [{ name: 'pull' }, { name: 'bad' }] }));
  assert.equal(
    (await rejection(pulled, 'Forbidden')).message,
    'pods "p" is forbidden: imagePullSecrets[1].name="bad" is not allowed because service account strict does not reference that imagePullSecret',
  );
  await cluster.create('pods', pod('strict', main({ ...env('good'), ...envFrom('good') })));
  await cluster.create('pods', make.pod({ spec: { serviceAccountName: 'lax', ...main(env('bad')) } }, 'other'));
  await cluster.store.close();
});

test('nor do containers that are added to look into a pod get at others', async () => {
  const cluster = await startRegistry();
  await cluster.create(accounts, account('strict', '1'));
  await cluster.create('pods', make.pod({ spec: { serviceAccountName: 'strict' } }, 'p'));
  const add = (more: object): Promise<unknown> =>
    cluster.patch(
      'pods',
      'p',
      { spec: { ephemeralContainers: [{ name: 'e', image: 'x', ...more }] } },
      { type: 'strategic', subresource: 'ephemeralcontainers' },
    );
  const { message } = await rejection(add(envFrom('bad')), 'Forbidden');
  const what = `ephemeral container e with envFrom referencing ${secret('bad')}`;
  const why = 'is not allowed because service account strict does not reference that secret';
  assert.equal(message, `pods "p" is forbidden: ${what} ${why}`);
  await add(envFrom('good'));
  await cluster.store.close();
});

test('a mirror pod refers to no Secrets', async () => {
  const cluster = await startRegistry();
  const annotations = { 'kubernetes.io/config.mirror': 'x' };
  const mirror = make.pod({ metadata: { annotations }, spec: { nodeName: 'n1', ...main(envFrom('any')) } }, 'm');
  const { message } = await rejection(cluster.create('pods', mirror), 'Forbidden');
  assert.equal(message, 'pods "m" is forbidden: a mirror pod may not reference secrets');
  await cluster.store.close();
});
