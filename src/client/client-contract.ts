/**
 * What every `Client` keeps, whichever way its calls travel: run by the tests of each transport over a real registry.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import type { ConfigMap, Pod } from '../api/schema/types/core-v1.ts';
import { hasReason, type StatusReason } from '../api/status-error.ts';
import type { Client, ClientWatchEvent } from './client.ts';
import { configMaps, deployments, namespaces, pods } from './resources.ts';

export interface ContractSubject {
  readonly client: Client;
  /** The same API for a user who may do nothing. */
  readonly stranger: Client;
  close(): Promise<void>;
}

type Open = () => Promise<ContractSubject>;

export function clientContract(transport: string, open: Open): void {
  const check = (name: string, run: (subject: ContractSubject) => Promise<void>): void => {
    test(name, { timeout: 20_000 }, async () => {
      const subject = await open();
      try {
        await run(subject);
      } finally {
        await subject.close();
      }
    });
  };

  describe(`client over ${transport}`, () => {
    check('what is created can be got, and is frozen', async ({ client }) => {
      const created = await client.create(configMaps, configMap('one', { key: 'value' }));
      assert.match(created.metadata?.uid ?? '', /^[0-9a-f-]{36}$/);
      const got = await client.get(configMaps, { namespace: 'default', name: 'one' });
      assert.deepEqual(plain(got), plain(created));
      assert.equal(got.kind, 'ConfigMap');
      assert.throws(() => Object.assign(got.data ?? {}, { key: 'other' }), TypeError);
    });

    check('errors come with the reason and the details that the API gives', async ({ client }) => {
      const reference = { namespace: 'default', name: 'one' };
      const missing = await rejection(client.get(configMaps, reference), 'NotFound');
      assert.equal(missing.code, 404);
      assert.equal(missing.message, 'configmaps "one" not found');
      assert.deepEqual(plain(missing.details), { name: 'one', kind: 'configmaps' });
      const created = await client.create(configMaps, configMap('one'));
      await rejection(client.create(configMaps, configMap('one')), 'AlreadyExists');
      await client.update(configMaps, { ...created, data: { a: '1' } });
      await rejection(client.update(configMaps, { ...created, data: { a: '2' } }), 'Conflict');
      const invalid = await rejection(client.create(configMaps, configMap('Not A Name')), 'Invalid');
      assert.ok((invalid.details?.causes ?? []).length > 0);
      const unserved = { ...configMaps, resource: 'nothings' };
      await rejection(client.list(unserved), 'NotFound');
    });

    check('who may do nothing is told so, for every verb', async ({ stranger }) => {
      const reference = { namespace: 'default', name: 'one' };
      const error = await rejection(stranger.get(configMaps, reference), 'Forbidden');
      assert.match(error.message, /^configmaps "one" is forbidden: User "stranger" cannot get resource "configmaps"/);
      await rejection(stranger.list(configMaps), 'Forbidden');
      await rejection(stranger.create(configMaps, configMap('one')), 'Forbidden');
      await rejection(stranger.update(configMaps, configMap('one')), 'Forbidden');
      await rejection(stranger.delete(configMaps, reference), 'Forbidden');
      await rejection(stranger.deleteCollection(configMaps, { namespace: 'default' }), 'Forbidden');
      const watch = await watchUntil(stranger, { resourceVersion: '1' }, () => false);
      assert.ok(hasReason(watch.error, 'Forbidden'));
    });

    check('lists by namespace and selectors, and in pages', async ({ client }) => {
      await client.create(namespaces, { metadata: { name: 'other' } });
      for (const name of ['a', 'b', 'c']) {
        const labels = { name, ...(name !== 'c' && { early: 'yes' }) };
        await client.create(configMaps, { metadata: { namespace: 'default', name, labels } });
      }
      await client.create(configMaps, { metadata: { namespace: 'other', name: 'a' } });
      const names = async (query: Parameters<Client['list']>[1]): Promise<string> =>
        (await client.list(configMaps, query)).items.map(keyOf).join(' ');
      assert.equal(await names({}), 'default/a default/b default/c other/a');
      assert.equal(await names({ namespace: 'default', labelSelector: 'early=yes' }), 'default/a default/b');
      assert.equal(await names({ fieldSelector: 'metadata.name=a' }), 'default/a other/a');
      const first = await client.list(configMaps, { namespace: 'default', limit: 2 });
      assert.deepEqual(first.items.map(keyOf), ['default/a', 'default/b']);
      assert.equal(first.items[0]?.kind, 'ConfigMap');
      const next = await client.list(configMaps, {
        namespace: 'default',
        limit: 2,
        continue: first.metadata.continue ?? '',
      });
      assert.deepEqual(next.items.map(keyOf), ['default/c']);
      assert.equal(next.metadata.continue ?? '', '');
    });

    check('patches of all kinds', async ({ client }) => {
      const reference = { namespace: 'default', name: 'one' };
      await client.create(configMaps, configMap('one', { a: '1', b: '2' }));
      const merged = await client.patch(configMaps, reference, { type: 'merge', body: { data: { a: null, c: '3' } } });
      assert.deepEqual(plain(merged.data), { b: '2', c: '3' });
      const patched = await client.patch(configMaps, reference, {
        type: 'json',
        body: [{ op: 'replace', path: '/data/b', value: '9' }],
      });
      assert.deepEqual(plain(patched.data), { b: '9', c: '3' });
      await client.create(pods, pod('one'));
      const image = { spec: { containers: [{ name: 'main', image: 'other' }] } };
      const strategic = await client.patch(pods, reference, { type: 'strategic', body: image });
      assert.equal(strategic.spec?.containers.length, 2);
      assert.equal(strategic.spec?.containers[0]?.image, 'other');
    });

    check(
      'an applied configuration makes the object, says whose fields are whose, and takes them over by force',
      async ({ client }) => {
        const reference = { namespace: 'default', name: 'one' };
        const body = (a: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' }, data: { a } });
        const apply = (a: string, fieldManager: string, force = false) =>
          client.patch(configMaps, reference, { type: 'apply', body: body(a), force }, { fieldManager });
        assert.deepEqual(plain((await apply('1', 'ann')).data), { a: '1' });
        await assert.rejects(apply('2', 'bob'), (error) => hasReason(error, 'Conflict'));
        const taken = await apply('2', 'bob', true);
        assert.deepEqual(plain(taken.data), { a: '2' });
        assert.deepEqual(
          taken.metadata?.managedFields?.map(({ manager, operation }) => [manager, operation]),
          [['bob', 'Apply']],
        );
      },
    );

    check('status and scale are their own subresources, and a binding is a post', async ({ client }) => {
      const created = await client.create(pods, pod('one'));
      const written = await client.update(
        pods,
        { ...created, metadata: { ...created.metadata, labels: { not: 'written' } }, status: { phase: 'Running' } },
        { subresource: 'status' },
      );
      assert.equal(written.status?.phase, 'Running');
      const reference = { namespace: 'default', name: 'one' };
      const body = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'one' },
        target: { kind: 'Node', name: 'node' },
      };
      await client.createSubresource(pods, reference, 'binding', body);
      assert.equal((await client.get(pods, reference)).spec?.nodeName, 'node');
      await client.create(deployments, deployment('web', 3));
      const scale = await client.get(deployments, { namespace: 'default', name: 'web' }, { subresource: 'scale' });
      assert.deepEqual([scale.kind, scale.spec?.replicas], ['Scale', 3]);
    });

    check('a dry run changes nothing', async ({ client }) => {
      await client.create(configMaps, configMap('one'), { dryRun: true });
      await rejection(client.get(configMaps, { namespace: 'default', name: 'one' }), 'NotFound');
    });

    check('deletes what is meant, one or many', async ({ client }) => {
      const one = await client.create(configMaps, configMap('one'));
      await client.create(configMaps, { metadata: { namespace: 'default', name: 'two', labels: { go: 'yes' } } });
      await client.create(configMaps, { metadata: { namespace: 'default', name: 'three', labels: { go: 'yes' } } });
      const reference = { namespace: 'default', name: 'one' };
      await rejection(client.delete(configMaps, reference, { uid: 'another' }), 'Conflict');
      await client.delete(configMaps, reference, { uid: one.metadata?.uid ?? '' });
      await client.deleteCollection(configMaps, { namespace: 'default', labelSelector: 'go=yes' });
      assert.deepEqual((await client.list(configMaps, { namespace: 'default' })).items, []);
    });

    check('a watch shows every change after its version, in order', async ({ client }) => {
      const before = await client.create(configMaps, configMap('before'));
      const resourceVersion = before.metadata?.resourceVersion ?? '';
      const past = await client.create(configMaps, configMap('past'));
      const watching = watchUntil(client, { namespace: 'default', resourceVersion }, (events) => events.length >= 3);
      await client.update(configMaps, { ...past, data: { a: '1' } });
      await client.delete(configMaps, { namespace: 'default', name: 'past' });
      const { events } = await watching;
      assert.deepEqual(
        events.map(({ type, object }) => `${type} ${object.metadata?.name}`),
        ['ADDED past', 'MODIFIED past', 'DELETED past'],
      );
      assert.deepEqual(plain(events[1]?.object.data), { a: '1' });
    });

    check('after cancel nothing comes, not even the end', async ({ client }) => {
      let calls = 0;
      const handler = { event: () => void calls++, end: () => void calls++ };
      const watch = client.watch(configMaps, { resourceVersion: '1' }, handler);
      watch.cancel();
      const other = watchUntil(client, { resourceVersion: '1' }, (events) => events.length >= 1);
      await client.create(configMaps, configMap('one'));
      await other;
      assert.equal(calls, 0);
    });
  });
}

function configMap(name: string, data?: Record<string, string>): ConfigMap {
  return { metadata: { namespace: 'default', name }, ...(data && { data }) };
}

function pod(name: string): Pod {
  const containers = [
    { name: 'main', image: 'image' },
    { name: 'side', image: 'image' },
  ];
  return { metadata: { namespace: 'default', name }, spec: { containers } };
}

function deployment(name: string, replicas: number) {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'image' }] } };
  return { metadata: { namespace: 'default', name }, spec: { replicas, selector: { matchLabels: labels }, template } };
}

const keyOf = (object: KubeObject): string => `${object.metadata?.namespace}/${object.metadata?.name}`;

/** Without prototypes and frozenness, for comparing. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

async function rejection(call: Promise<unknown>, reason: StatusReason) {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!hasReason(error, reason))
    assert.fail(`expected ${reason}, got ${error instanceof Error ? error.message : 'none'}`);
  return error;
}

/** Resolves when `enough` holds, or when the watch ends by itself. */
function watchUntil(
  client: Client,
  query: Parameters<Client['watch']>[1],
  enough: (events: readonly ClientWatchEvent<ConfigMap>[]) => boolean,
): Promise<{ events: readonly ClientWatchEvent<ConfigMap>[]; error?: Error | undefined }> {
  return new Promise((resolve) => {
    const events: ClientWatchEvent<ConfigMap>[] = [];
    const watch = client.watch(configMaps, query, {
      event: (event) => {
        if (event.type !== 'BOOKMARK') events.push(event);
        if (!enough(events)) return;
        watch.cancel();
        resolve({ events });
      },
      end: (error) => resolve({ events, error }),
    });
  });
}
