/** Histories for checkers: steps on a real store, and what a checker says to each. */
import type { KubeObject } from '../../../api/object.ts';
import type { ObjectMeta } from '../../../api/schema/types/meta-v1.ts';
import { VirtualClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/log.ts';
import { MemoryStore } from '../../../store/memory-store.ts';
import type { Checker } from './checker.ts';

export type Step = { readonly collection: string } & ({ readonly put: KubeObject } | { readonly remove: string });

const clusterWide: ReadonlySet<string> = new Set(['nodes', 'namespaces', 'persistentvolumes']);

/** What `checker` says to each step. */
export async function judged(checker: Checker, steps: readonly Step[]): Promise<string[]> {
  const store = new MemoryStore({ clock: new VirtualClock(0), log: silentLogger });
  await store.start();
  const problems: string[] = [];
  for (const collection of new Set(steps.map((step) => step.collection))) {
    store.watch({ collection }, { event: (event) => void problems.push(checker.check(event) ?? '') });
  }
  for (const step of steps) {
    const name = 'put' in step ? (step.put.metadata?.name ?? '') : step.remove;
    const namespace = clusterWide.has(step.collection) ? '' : 'default';
    const key = { collection: step.collection, namespace, name };
    const expectedRevision = store.get(key)?.revision ?? 0;
    await store.write(
      'put' in step
        ? { kind: 'put', key, object: step.put, expectedRevision }
        : { kind: 'delete', key, expectedRevision },
    );
  }
  return problems;
}

export const last = async (checker: Checker, steps: readonly Step[]): Promise<string> =>
  (await judged(checker, steps)).at(-1) ?? '';

export const put = (collection: string, put: KubeObject): Step => ({ collection, put });
export const remove = (collection: string, remove: string): Step => ({ collection, remove });

export const ownedBy = (kind: string, uid: string): ObjectMeta['ownerReferences'] => [
  { apiVersion: 'any/v1', kind, name: 'any', uid, controller: true },
];
