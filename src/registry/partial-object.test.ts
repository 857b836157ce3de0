import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { definitions, makeDefinition, startCustomRegistry } from './custom/testing.ts';

/** Texts that look like what is searched for. */
const metadata = { labels: { a: 'b' }, annotations: { 'example.com/a': '"metadata":{"name":"no"}}' } };

const partOf = ({ apiVersion, kind, metadata: all }: KubeObject): KubeObject =>
  ({ apiVersion, kind, metadata: all }) as KubeObject;

test('who wants metadata alone gets it, with what names the kind, in lists and in watches', async () => {
  const registry = await startCustomRegistry();
  await registry.define(makeDefinition({ metadata }));
  const list = await registry.list(definitions, { metadataOnly: true });
  const whole = (await registry.list(definitions)).objects.map((object) => partOf(object));
  assert.equal(whole[0]?.metadata?.annotations?.['example.com/a'], metadata.annotations['example.com/a']);
  assert.deepEqual(list.objects, whole);
  assert.ok(Object.isFrozen(list.objects[0]?.metadata));

  const watch = await registry.watch(definitions, { metadataOnly: true });
  await registry.delete(definitions, 'widgets.example.com');
  await registry.settle();
  const seen = watch.events.map(({ type, object }) => [type, Object.keys(object).sort().join()]);
  assert.deepEqual(seen[0], ['ADDED', 'apiVersion,kind,metadata']);
  assert.deepEqual(seen.at(-1), ['DELETED', 'apiVersion,kind,metadata']);
  await registry.close();
});
