/**
 * The model that a store is compared with: a map for the objects, a list for the changes, and writes one after another. See
 * `contract.ts`; not part of naru itself.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { KubeObject } from '../../api/object.ts';
import { RevisionConflict, type Store, type StoreKey, type WatchOptions, type WriteOperation } from '../store.ts';

interface WriteStep {
  readonly kind: 'put' | 'delete';
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** What the writer believes about the key when it writes. */
  readonly belief: 'right' | 'absent' | 'stale';
}

type Step =
  /** Made in one turn, then awaited. */
  | { readonly kind: 'writes'; readonly writes: readonly WriteStep[] }
  | { readonly kind: 'watch'; readonly narrow: Omit<WatchOptions, 'collection'>; readonly back: number }
  | { readonly kind: 'restart' };

const namespace = fc.constantFrom('', 'a', 'b');
const name = fc.constantFrom('x', 'y', 'Z', 'z-1');
const node = fc.constantFrom('n1', 'n2');

const write: fc.Arbitrary<WriteStep> = fc.record({
  kind: fc.constantFrom('put', 'put', 'delete'),
  namespace,
  name,
  node,
  belief: fc.constantFrom('right', 'right', 'right', 'absent', 'stale'),
});

const narrow: fc.Arbitrary<Omit<WatchOptions, 'collection'>> = fc.record(
  { namespace, name, field: node.map((value) => ({ path: ['spec', 'nodeName'], value })) },
  { requiredKeys: [] },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('writes'), writes: fc.array(write, { minLength: 1, maxLength: 8 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('watch'), narrow, back: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' }) },
);

export const modelRun: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 25 });

interface ModelObject {
  readonly key: StoreKey;
  readonly node: string;
  readonly revision: number;
}

interface ModelChange {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly key: StoreKey;
  readonly nodes: readonly string[];
  readonly revision: number;
}

interface ModelWatch {
  readonly options: WatchOptions;
  readonly after: number;
  readonly seen: string[];
}

class Model {
  readonly objects = new Map<string, ModelObject>();
  readonly changes: ModelChange[] = [];
  revision: number;

  constructor(revision: number) {
    this.revision = revision;
  }

  /** The new revision, or undefined for a conflict. */
  apply(operation: WriteOperation): number | undefined {
    const id = JSON.stringify([operation.key.namespace, operation.key.name]);
    const before = this.objects.get(id);
    if ((before?.revision ?? 0) !== operation.expectedRevision) return undefined;
    if (operation.kind === 'delete' && before === undefined) return undefined;
    const revision = ++this.revision;
    const node = operation.kind === 'put' ? nodeOf(operation.object) : (before?.node ?? '');
    const nodes = before === undefined ? [node] : [before.node, node];
    const type = operation.kind === 'delete' ? 'deleted' : before === undefined ? 'added' : 'modified';
    this.changes.push({ type, key: operation.key, nodes, revision });
    if (operation.kind === 'put') this.objects.set(id, { key: operation.key, node, revision });
    else this.objects.delete(id);
    return revision;
  }

  list(): string[] {
    const order = (a: ModelObject, b: ModelObject): number =>
      a.key.namespace === b.key.namespace
        ? a.key.name < b.key.name
          ? -1
          : 1
        : a.key.namespace < b.key.namespace
          ? -1
          : 1;
    return [...this.objects.values()].sort(order).map((object) => describe('is', object.key, object.revision));
  }

  seenBy({ options, after }: ModelWatch): string[] {
    const { namespace, name, field } = options;
    return this.changes
      .filter(
        ({ key, nodes, revision }) =>
          revision > after &&
          (namespace === undefined || namespace === key.namespace) &&
          (name === undefined || name === key.name) &&
          (field === undefined || nodes.includes(field.value)),
      )
      .map(({ type, key, revision }) => describe(type, key, revision));
  }
}

function describe(type: string, key: StoreKey, revision: number): string {
  return `${type} ${key.namespace}/${key.name}@${revision}`;
}

function nodeOf(object: KubeObject): string {
  return (object as { spec: { nodeName: string } }).spec.nodeName;
}

/** Runs `steps` on `store` and the model side by side, in a collection of their own. Gives back the store that is open now. */
export async function checkModel(
  store: Store,
  reopen: (() => Promise<Store>) | undefined,
  collection: string,
  steps: readonly Step[],
): Promise<Store> {
  const model = new Model(store.revision);
  const start = store.revision;
  let current = store;
  let watches: ModelWatch[] = [];
  for (const step of steps) {
    if (step.kind === 'writes') await checkWrites(current, model, collection, step.writes);
    else if (step.kind === 'watch') {
      const after = Math.max(start, current.revision - step.back);
      watches.push(startWatch(current, { collection, ...step.narrow, afterRevision: after }, after));
    } else if (reopen !== undefined) {
      current = await reopen();
      for (const watch of watches) assert.equal(watch.seen.pop(), 'end closed');
      checkAll(current, model, collection, watches);
      watches = [];
    }
    checkAll(current, model, collection, watches);
  }
  return current;
}

function startWatch(store: Store, options: WatchOptions, after: number): ModelWatch {
  const seen: string[] = [];
  store.watch(options, {
    event: ({ type, entry, revision }) => seen.push(describe(type, entry.key, revision)),
    end: (reason) => seen.push(`end ${reason}`),
  });
  return { options, after, seen };
}

/** The beliefs are formed before any of the writes is made, except for the right one, which follows the model. */
async function checkWrites(
  store: Store,
  model: Model,
  collection: string,
  writes: readonly WriteStep[],
): Promise<void> {
  const expected: (number | undefined)[] = [];
  const outcomes = writes.map((write) => {
    const operation = operationOf(write, model, collection);
    expected.push(model.apply(operation));
    return store.write(operation).then(
      (entry) => entry.revision,
      (error: unknown) => assert.ok(error instanceof RevisionConflict, String(error)),
    );
  });
  assert.deepEqual(await Promise.all(outcomes), expected);
}

function operationOf(
  { kind, namespace, name, node, belief }: WriteStep,
  model: Model,
  collection: string,
): WriteOperation {
  const key = { collection, namespace, name };
  const right = model.objects.get(JSON.stringify([namespace, name]))?.revision ?? 0;
  const expectedRevision = belief === 'right' ? right : belief === 'absent' ? 0 : Math.max(0, right - 1);
  if (kind === 'delete') return { kind, key, expectedRevision };
  const object = { metadata: { name, namespace }, spec: { nodeName: node } } as KubeObject;
  return { kind, key, object, expectedRevision };
}

function checkAll(store: Store, model: Model, collection: string, watches: readonly ModelWatch[]): void {
  assert.equal(store.revision, model.revision);
  const listed = store.list(collection).entries.map(({ key, revision }) => describe('is', key, revision));
  assert.deepEqual(listed, model.list());
  for (const { key, node } of model.objects.values()) assert.equal(nodeOf(store.get(key)!.object), node);
  for (const watch of watches) assert.deepEqual(watch.seen, model.seenBy(watch));
}
