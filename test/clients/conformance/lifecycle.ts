/**
 * What upstream's conformance tests of an API's operations have in common, as one walk over a row of `lifecycles.ts`: discovery, three
 * objects created, one read, listed, watched, patched, updated, its status read, patched and updated, one deleted, the others as a
 * collection. Typed clients throughout, as upstream's, and the dynamic one where it reads a subresource.
 */
import assert from 'node:assert/strict';
import { eventually } from '../../harness.ts';
import { apiVersionOf, assertHas, dynamic, type ResourceClient, refusal, typed } from './client.ts';
import type { Sent, Wire } from './wire.ts';

export interface Lifecycle {
  /** Upstream's test, or tests: the name after the area. */
  readonly test: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** Beside `apiVersion`, `kind` and `metadata`. */
  readonly object: object;
  /** Three names where the server may not make them. */
  readonly names?: readonly [string, string, string];
  /** What one of the three differs in from the others: what must be unique. */
  readonly each?: (index: number) => object;
  /** Beside an annotation, what the merge patch changes, and what must be so then. */
  readonly patch?: object;
  /** The same for the update. */
  readonly update?: object;
  readonly status?: StatusSteps;
  /** A deletion leaves it there until a controller has been by: its dependents are orphaned first, or nobody uses it any more. */
  readonly lingers?: true;
}

export interface StatusSteps {
  /** A merge patch of `/status`. */
  readonly patch: object;
  /** What a PUT of `/status` changes. */
  readonly update: object;
}

interface Walk {
  readonly row: Lifecycle;
  readonly wire: Wire;
  readonly client: ResourceClient;
  readonly selector: { readonly labelSelector: string };
  readonly namespace: string;
}

const labelKey = 'example-e2e-label';

/** @throws AssertionError, ApiError where a step does not go as upstream's test expects */
export async function walk(row: Lifecycle, wire: Wire, namespace: string): Promise<void> {
  const value = row.kind.toLowerCase();
  const client = typed(wire, row.apiVersion, row.kind, namespace);
  const steps: Walk = { row, wire, client, selector: { labelSelector: `${labelKey}=${value}` }, namespace };
  await discover(steps);
  const created = await create(steps, value);
  const name = created.metadata.name;
  await change(steps, created);
  if (row.status !== undefined) await changeStatus(steps, name, row.status);
  await remove(steps, name);
}

async function discover({ row, wire, client }: Walk): Promise<void> {
  const { group, version, resource } = client.info;
  if (group !== '') {
    const groups = await wire.json('/apis');
    const found = groups.groups.find((each: Sent) => each.name === group);
    assert.ok(
      found?.versions.some((each: Sent) => each.version === version),
      `${row.apiVersion} in /apis`,
    );
    const one = await wire.json(`/apis/${group}`);
    assert.equal(one.kind, 'APIGroup');
    assert.ok(one.versions.some((each: Sent) => each.groupVersion === row.apiVersion));
  }
  const list = await wire.json(group === '' ? `/api/${version}` : `/apis/${row.apiVersion}`);
  const names = list.resources.map((each: Sent) => each.name);
  assert.ok(names.includes(resource));
  if (row.status !== undefined) assert.ok(names.includes(`${resource}/status`));
}

async function create({ row, wire, client, selector, namespace }: Walk, value: string): Promise<Sent> {
  const made: Sent[] = [];
  for (const index of [0, 1, 2]) {
    const name = row.names === undefined ? { generateName: `e2e-example-${value}-` } : { name: row.names[index] };
    const metadata = { ...name, labels: { [labelKey]: value } };
    made.push(await client.create({ metadata, ...row.object, ...row.each?.(index) }));
  }
  const created = made[2];
  const read = await client.get(created.metadata.name);
  assert.equal(read.metadata.uid, created.metadata.uid);
  assert.match(read.metadata.resourceVersion, /^[1-9][0-9]*$/);
  assert.equal((await client.list(selector)).items.length, 3, 'the list by label has 3 items');
  assert.equal(read.metadata.namespace, client.info.namespaced ? namespace : undefined);
  if (client.info.namespaced)
    assert.equal((await typed(wire, row.apiVersion, row.kind).list(selector)).items.length, 3, 'across namespaces');
  return created;
}

async function change({ row, client, selector }: Walk, created: Sent): Promise<void> {
  const { name } = created.metadata;
  const list = await client.list(selector);
  const watch = await client.watch({ ...selector, resourceVersion: list.metadata.resourceVersion });
  const patch = { metadata: { annotations: { patched: 'true' } }, ...row.patch };
  const patched = await client.patch(name, 'merge', patch);
  assertHas(patched, patch, 'patched');
  assert.ok(BigInt(patched.metadata.resourceVersion) > BigInt(created.metadata.resourceVersion));
  const strategic = await client.patch(name, 'strategic', { metadata: { labels: { strategic: 'true' } } });
  assert.equal(strategic.metadata.labels.strategic, 'true');
  const updated = await update(client, name, '', { metadata: { annotations: { updated: 'true' } }, ...row.update });
  assertHas(updated, patch.metadata === undefined ? {} : { metadata: patch.metadata }, 'updated');
  for (const annotation of ['patched', 'updated']) {
    const has = ({ metadata }: Sent): boolean => metadata.annotations?.[annotation] === 'true';
    const seen = await watch.until(`the ${annotation} object`, ({ object }) => has(object));
    assert.deepEqual([seen.type, seen.object.apiVersion, seen.object.kind], ['MODIFIED', row.apiVersion, row.kind]);
  }
  watch.stop();
}

async function changeStatus({ row, wire, client, namespace }: Walk, name: string, status: StatusSteps): Promise<void> {
  const read = await dynamic(wire, row.apiVersion, row.kind, namespace).get(name, 'status');
  assert.deepEqual([read.apiVersion, read.kind], [apiVersionOf(client.info), row.kind]);
  assert.equal(read.metadata.uid, (await client.get(name)).metadata.uid);
  const patch = { metadata: { annotations: { patchedstatus: 'true' } }, status: status.patch };
  assertHas(await client.patch(name, 'merge', patch, 'status'), patch, 'patched status');
  const updated = await update(client, name, 'status', { status: status.update });
  assertHas(updated.status, status.update, 'updated status');
}

/** Reads, changes, writes, and once more where somebody else was faster. */
export function update(client: ResourceClient, name: string, subresource: string, changes: object): Promise<Sent> {
  return eventually(`${name} is updated`, async () => {
    const changed = merge(await client.get(name), changes);
    const written = client.update(changed, subresource);
    if ((await refusal(written, 409)) !== undefined) return undefined;
    const result = await written;
    assertHas(result, changes, 'updated');
    return result;
  });
}

function merge(object: Sent, changes: Sent): Sent {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) return changes;
  const merged = { ...object };
  for (const [key, value] of Object.entries(changes)) merged[key] = merge(merged[key], value);
  return merged;
}

async function remove({ row, client, selector }: Walk, name: string): Promise<void> {
  const { resourceVersion } = (await client.list(selector)).metadata;
  const watch = await client.watch({ ...selector, resourceVersion });
  const goes = (what: string, isGone: () => Promise<boolean>): Promise<unknown> =>
    eventually(what, isGone, row.lingers === true ? 15_000 : 0);
  await client.delete(name);
  await goes(`${row.kind} ${name} is gone`, () => client.isGone(name));
  const seen = await watch.until('the deletion', ({ type }) => type === 'DELETED');
  assert.equal(seen.object.metadata.name, name);
  watch.stop();
  assert.equal((await client.list(selector)).items.length, 2, 'the list by label has 2 items');
  await client.deleteCollection(selector);
  await goes('the collection is gone', async () => (await client.list(selector)).items.length === 0);
}
