/** A whole operator against a whole cluster in this process: its kind, its loop, its webhooks over TLS, and its end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasReason } from '../api/status-error.ts';
import { customResourceDefinitions, leases, secrets } from '../client/resources.ts';
import { type Cluster, startCluster } from '../cluster.ts';
import { RealClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { controller } from './controller.ts';
import { defineKind, definitionOf, type ObjectOf } from './kind.ts';
import { startOperator } from './operator.ts';
import { conditionsOf, conditionsSchema, want } from './plan.ts';
import { allow, conversion, deny, mutating, validating } from './webhooks.ts';

const clock = new RealClock({ keepsAlive: true });

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await look()) return;
    await clock.sleep(50);
  }
  assert.fail(`not in time: ${what}`);
}

const group = 'example.com';
const notes = defineKind({
  group,
  version: 'v1',
  kind: 'Note',
  spec: { type: 'object', required: ['text'], properties: { text: { type: 'string' }, from: { type: 'string' } } },
  status: {
    type: 'object',
    properties: {
      secret: { type: 'string' },
      conditions: conditionsSchema,
    },
  },
});
type Note = ObjectOf<typeof notes>;

const older = defineKind({
  group,
  version: 'v1alpha1',
  kind: 'Note',
  spec: { type: 'object', properties: { words: { type: 'string' } } },
  status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
});

async function operatorFor(cluster: Cluster, name = 'notes') {
  const service = { namespace: 'default', name: 'notes' };
  return startOperator({
    name,
    cluster: { kubeconfig: cluster.kubeconfig },
    log: silentLogger,
    health: { port: 0, host: '127.0.0.1' },
    controllers: (context) => [
      controller<Note>(context, {
        name: 'notes',
        for: notes,
        owns: [secrets],
        reconcile: (note, view) => {
          const secret = { name: `${note.metadata.name ?? ''}-text` };
          const wished = { type: 'Ready', status: 'True', reason: 'Written', message: '' } as const;
          return want<Note>(
            [{ apiVersion: 'v1', kind: 'Secret', metadata: secret, data: { text: btoa(note.spec.text) } }],
            { status: { secret: secret.name, conditions: conditionsOf(note, [wished], view.now) } },
          );
        },
      }),
    ],
    webhooks: {
      service,
      port: 0,
      host: '127.0.0.1',
      names: ['localhost'],
      serve: [
        validating(notes, ({ object }) => (object?.spec.text === 'bad' ? deny('no such words') : allow())),
        mutating(notes, ({ object, user }) => ({
          ...object,
          spec: { ...object.spec, from: object.spec.from ?? user.username ?? '' },
        })),
        conversion('/convert-notes', (object, version) => {
          const { spec } = object as { spec: { text?: string; words?: string } };
          return { ...object, spec: version === 'v1' ? { text: spec.words } : { words: spec.text } } as never;
        }),
      ],
    },
  });
}

describe('an operator as a program', { timeout: 60_000 }, () => {
  test('its kind, its loop, its webhooks and conversions work over real connections, and it ends in good order', async () => {
    const cluster = await startCluster({ nodes: { kind: 'none', name: 'none' } });
    try {
      const client = cluster.client();
      await client.create(customResourceDefinitions, definitionOf(notes));
      const running = await operatorFor(cluster);
      const url = (path: string) => ({ url: `https://localhost:${running.ports.webhooks}${path}` });
      const secret = await client.get(secrets, { namespace: 'default', name: 'notes-webhook-certificate' });
      const caBundle = secret.data?.['ca.crt'] ?? '';
      const common = (kind: string, path: string) => ({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind,
        metadata: { name: 'notes' },
        webhooks: [
          {
            name: `${kind.toLowerCase()}.example.com`,
            clientConfig: { ...url(path), caBundle },
            rules: [{ apiGroups: [group], apiVersions: ['*'], operations: ['CREATE'], resources: ['notes'] }],
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
          },
        ],
      });
      for (const [kind, path] of [
        ['ValidatingWebhookConfiguration', '/validate-notes'],
        ['MutatingWebhookConfiguration', '/mutate-notes'],
      ] as const) {
        const resource = `${kind.toLowerCase()}s`;
        const place = { group: 'admissionregistration.k8s.io', version: 'v1', kind, resource, namespaced: false };
        await client.create(place, common(kind, path) as never);
      }
      const bad = { metadata: { namespace: 'default', name: 'bad' }, spec: { text: 'bad' } };
      await assert.rejects(client.create(notes, bad), /denied the request: no such words/);
      const made = await client.create(notes, {
        metadata: { namespace: 'default', name: 'a' },
        spec: { text: 'hello' },
      });
      assert.equal(made.spec.from, 'naru-admin', 'the webhook has filled it in');
      const reference = { namespace: 'default', name: 'a' };
      await until(
        'the status is written',
        async () => (await client.get(notes, reference)).status?.secret === 'a-text',
      );
      const child = await client.get(secrets, { namespace: 'default', name: 'a-text' });
      assert.deepEqual(child.data, { text: btoa('hello') });
      const definition = await client.get(customResourceDefinitions, { namespace: '', name: 'notes.example.com' });
      const webhook = { clientConfig: { ...url('/convert-notes'), caBundle }, conversionReviewVersions: ['v1'] };
      const wanted = definitionOf([notes, older], { strategy: 'Webhook', webhook });
      await client.update(customResourceDefinitions, { ...definition, spec: wanted.spec });
      await until('the older version is served', async () => {
        try {
          return (await client.get(older, reference)).spec.words === 'hello';
        } catch (error) {
          if (!hasReason(error, 'NotFound')) throw error;
          return false;
        }
      });
      const lease = await client.get(leases, { namespace: 'default', name: 'notes' });
      assert.notEqual(lease.spec?.holderIdentity, '');
      const health = (path: string) => fetch(`http://127.0.0.1:${running.ports.health}${path}`);
      assert.equal((await health('/readyz')).status, 200);
      assert.equal((await health('/metrics')).status, 200);
      await running.close();
      const after = await client.get(leases, { namespace: 'default', name: 'notes' });
      assert.equal(after.spec?.holderIdentity ?? '', '', 'the lease is given back');
    } finally {
      await cluster.close();
    }
  });

  test('of two copies one acts, and the other takes over when it ends', async () => {
    const cluster = await startCluster({ nodes: { kind: 'none', name: 'none' } });
    try {
      const client = cluster.client();
      await client.create(customResourceDefinitions, definitionOf(notes));
      const first = await operatorFor(cluster);
      const second = await operatorFor(cluster);
      await first.close();
      await client.create(notes, { metadata: { namespace: 'default', name: 'a' }, spec: { text: 'x' } });
      await until('the second acts', async () => {
        const { status } = await client.get(notes, { namespace: 'default', name: 'a' });
        return status?.secret === 'a-text';
      });
      await second.close();
      assert.equal(await second.over, 'stopped');
    } finally {
      await cluster.close();
    }
  });
});
