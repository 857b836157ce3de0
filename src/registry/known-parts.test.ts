/**
 * Who writes from this process hands back most of the frozen object that was read: those parts are neither decoded nor compared again
 * (`decodeObject`, `normalizeObject`). Here the same change is sent twice: once so, once as a client far away would send it. What is
 * stored, and what is answered, must be the same to the letter.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { DecodeError, decodeObject } from '../api/decode.ts';
import { normalizeObject } from '../api/normalize.ts';
import type { JsonObject } from '../api/object.ts';
import { builtinSchema } from '../api/schema/load.ts';
import { StatusError } from '../api/status-error.ts';
import { make, resourceNamed, startRegistry, type TestRegistry } from './testing.ts';

type Tree = { readonly [name: string]: unknown };

interface Edit {
  readonly path: readonly string[];
  /** Undefined takes the field away. */
  readonly value: unknown;
}

/** A copy with the edit made; all that does not lie on the way to it is shared. */
function edited(tree: Tree, { path: [name = '', ...rest], value }: Edit): Tree {
  const before = tree[name];
  const inner = typeof before === 'object' && before !== null && !Array.isArray(before) ? (before as Tree) : {};
  const after = rest.length === 0 ? value : edited(inner, { path: rest, value });
  const { [name]: _old, ...others } = tree;
  return after === undefined ? others : { ...others, [name]: after };
}

const far = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

const container = { name: 'main', image: 'registry.example/app:2', resources: { requests: { cpu: '0.5' } } };
const condition = (status: string): object => ({ type: 'Ready', status, lastTransitionTime: '2026-01-01T00:00:00Z' });

const edits: readonly Edit[] = [
  { path: ['metadata', 'labels'], value: { app: 'web', other: '1' } },
  { path: ['metadata', 'labels', 'app'], value: 'changed' },
  { path: ['metadata', 'labels'], value: undefined },
  { path: ['metadata', 'annotations'], value: { note: 'x' } },
  { path: ['metadata', 'annotations'], value: {} },
  { path: ['metadata', 'finalizers'], value: ['example.com/a'] },
  { path: ['metadata', 'ownerReferences'], value: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }] },
  { path: ['metadata', 'managedFields'], value: [] },
  { path: ['metadata', 'resourceVersion'], value: undefined },
  { path: ['metadata', 'uid'], value: 'another' },
  { path: ['metadata', 'bogus'], value: 1 },
  { path: ['spec', 'bogus'], value: { deep: true } },
  { path: ['spec', 'containers'], value: [container] },
  { path: ['spec', 'template', 'spec', 'containers'], value: [container] },
  { path: ['spec', 'replicas'], value: 3 },
  { path: ['spec', 'replicas'], value: 'three' },
  { path: ['spec', 'holderIdentity'], value: 'n1' },
  { path: ['spec', 'renewTime'], value: '2026-01-01T00:00:00.5Z' },
  { path: ['spec', 'unschedulable'], value: true },
  { path: ['spec', 'ports'], value: [{ port: 81 }, { port: 82, name: 'b' }] },
  { path: ['spec'], value: undefined },
  { path: ['status'], value: undefined },
  { path: ['status', 'phase'], value: 'Running' },
  { path: ['status', 'podIP'], value: '10.0.0.1' },
  { path: ['status', 'conditions'], value: [condition('True')] },
  { path: ['status', 'conditions'], value: [condition('False'), condition('True')] },
  { path: ['status', 'conditions'], value: [] },
  { path: ['status', 'capacity'], value: { cpu: '4000m', memory: '1024Mi' } },
  { path: ['status', 'containerStatuses'], value: null },
];

const kinds = [
  { resource: 'pods', body: make.pod({ metadata: { labels: { app: 'web' } } }, 'x') },
  { resource: 'deployments.apps', body: make.deployment({}, 'x') },
  { resource: 'services', body: make.service({}, 'x') },
  { resource: 'nodes', body: make.node({}, 'x') },
  { resource: 'configmaps', body: make.configMap({ data: { a: 'b' } }, 'x') },
  { resource: 'leases.coordination.k8s.io', body: { metadata: { name: 'x' }, spec: { leaseDurationSeconds: 40 } } },
  { resource: 'horizontalpodautoscalers.v1.autoscaling', body: autoscaler() },
] as const;

function autoscaler(): object {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' };
  return { metadata: { name: 'x' }, spec: { scaleTargetRef, maxReplicas: 3 } };
}

interface Step {
  readonly subresource: '' | 'status';
  readonly edits: readonly Edit[];
  /** As a patch that carries the same fields, or as the whole object. */
  readonly asPatch: boolean;
  readonly manager: string;
}

const steps = fc.array(
  fc.record({
    subresource: fc.constantFrom<'' | 'status'>('', 'status'),
    edits: fc.array(fc.constantFrom(...edits), { minLength: 0, maxLength: 2 }),
    asPatch: fc.boolean(),
    manager: fc.constantFrom('kubelet', 'somebody "quoted"'),
  }),
  { minLength: 1, maxLength: 5 },
);

interface Place {
  readonly api: TestRegistry;
  readonly resource: string;
  readonly name: string;
}

/** What decoding and normal form make of it, or the error's text. Fields that a kind's rules added may stand in another order. */
function decodedIn(resource: string, wanted: Tree, known?: Tree): unknown {
  const type = builtinSchema().kind(resourceNamed(resource));
  assert.ok(type);
  try {
    const { object, unknownFields } = decodeObject(type, wanted as JsonObject, known as JsonObject | undefined);
    return { unknownFields, normal: far(normalizeObject(type, object, known as JsonObject | undefined)) };
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return error.message;
  }
}

async function carryOut({ api, resource, name }: Place, step: Step, isFar: boolean): Promise<unknown> {
  const options = { name, subresource: step.subresource, fieldManager: step.manager };
  try {
    if (step.asPatch) {
      const patch = step.edits.reduce<Tree>((tree, { path, value = null }) => edited(tree, { path, value }), {});
      return far(await api.patch(resource, name, patch, { ...options, type: 'merge' }));
    }
    const current = (await api.get(resource, name)) as unknown as Tree;
    const wanted = step.edits.reduce(edited, current);
    assert.deepEqual(decodedIn(resource, wanted, current), decodedIn(resource, far(wanted)));
    return far(await api.update(resource, isFar ? far(wanted) : wanted, options));
  } catch (error) {
    assert.ok(error instanceof StatusError, String((error as Error).stack));
    return `${error.reason}: ${error.message}`;
  }
}

for (const { resource, body } of kinds) {
  const parts = resourceNamed(resource).subresources.map(({ name }) => name);
  test(`${resource}: a change that shares what it does not change is the same as one that shares nothing`, async () => {
    const [near, away] = [await startRegistry(), await startRegistry()];
    let objects = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const name = `x${objects++}`;
        for (const api of [near, away]) await api.create(resource, { ...far(body), metadata: { name } });
        for (const step of sequence) {
          if (step.subresource !== '' && !parts.includes(step.subresource)) continue;
          const answers = [
            await carryOut({ api: near, resource, name }, step, false),
            await carryOut({ api: away, resource, name }, step, true),
          ];
          assert.equal(JSON.stringify(answers[0]), JSON.stringify(answers[1]));
          const key = { collection: resource.replace('.v1.', '.'), namespace: spaceOf(resource), name };
          const stored = [near, away].map(({ store }) => store.get(key)?.json().toString());
          assert.ok(stored[0]);
          assert.equal(stored[0], stored[1]);
        }
      }),
      { numRuns: 60 },
    );
  });
}

const spaceOf = (resource: string): string => (resourceNamed(resource).namespaced ? 'default' : '');

test('what a write does not change is the same frozen part in the next version', async () => {
  const api = await startRegistry();
  await api.create('pods', make.pod({}, 'x'));
  const before = await api.get('pods', 'x');
  const after = await api.update('pods', { ...before, status: { phase: 'Running' } }, { subresource: 'status' });
  assert.equal(after.spec, before.spec);
  assert.equal(after.status.phase, 'Running');
});

test('whoever calls may change the object that was sent once the write has begun', async () => {
  const api = await startRegistry();
  await api.create('pods', make.pod({}, 'x'));
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const pending = api.update('pods', { ...(await api.get('pods', 'x')), status }, { subresource: 'status' });
  status.phase = 'Failed';
  status.conditions.length = 0;
  const written = await pending;
  assert.equal(written.status.phase, 'Running');
  assert.equal(written.status.conditions[0].status, 'True');
});
