import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsFor } from './custom-rows-testing.ts';
import { LiveApi } from './live-api.ts';
import { resourceTable } from './resource-table.ts';
import { builtinSchema } from './schema/load.ts';

const gateway = 'gateway.networking.k8s.io';

test('rows and types of definitions come and go together, and listeners hear of changes of one moment once', async () => {
  const api = new LiveApi(resourceTable(), builtinSchema());
  let heard = 0;
  const end = api.onChange(() => heard++);
  const before = api.resources.current;
  const gvk = { group: 'bar.k8s.io', version: 'v1', kind: 'Foo' };
  api.serve(rowsFor({ kind: 'Bar' }));
  api.serve(rowsFor());
  assert.equal(api.resources.find('bar.k8s.io', 'v1', 'foos')?.kind, 'Foo');
  assert.equal(api.resources.find('bar.k8s.io', 'v1', 'bars'), undefined);
  assert.ok(api.schema.kind(gvk));
  assert.notEqual(api.resources.current, before);
  await Promise.resolve();
  assert.equal(heard, 1);
  end();
  api.serve([]);
  assert.equal(api.schema.kind(gvk), undefined);
  assert.equal(api.resources.current, before);
  await Promise.resolve();
  assert.equal(heard, 1);
});

test('a built-in row stays; a version that only the definition has is stored as the built-in ones are, and its row is kept', () => {
  const api = new LiveApi(resourceTable(), builtinSchema());
  const [v1] = rowsFor({ group: gateway, kind: 'TCPRoute' });
  const [alpha] = rowsFor({ group: gateway, kind: 'TCPRoute', version: { name: 'v1alpha2' } });
  assert.ok(v1 && alpha);
  api.serve([v1, alpha]);
  assert.equal(api.resources.find(gateway, 'v1', 'tcproutes')?.definition, undefined);
  const served = api.resources.find(gateway, 'v1alpha2', 'tcproutes');
  assert.equal(served?.definition, alpha.definition);
  assert.equal(served?.storageVersion, 'v1');
  api.serve([v1, alpha, ...rowsFor()]);
  assert.equal(api.resources.find(gateway, 'v1alpha2', 'tcproutes'), served);
});
