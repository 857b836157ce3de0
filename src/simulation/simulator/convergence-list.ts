/** What the parts of the convergence check read with. */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import type { Store } from '../../store/store.ts';

export function list<T extends KubeObject>(store: Store, collection: string): readonly T[] {
  return store.list(collection).entries.map(({ object }) => object as T);
}

/** One sentence for each object of `collection` that has a problem. */
export function problemsOf<T extends KubeObject>(
  store: Store,
  collection: string,
  problemOf: (object: T) => string | undefined,
): readonly string[] {
  return list<T>(store, collection).flatMap((object) => {
    const problem = problemOf(object);
    return problem === undefined ? [] : [`${collection} ${objectKey(object)} ${problem}`];
  });
}

export function controlled<T extends KubeObject>(objects: readonly T[], owner: KubeObject): readonly T[] {
  const uid = owner.metadata?.uid;
  return objects.filter(({ metadata }) => metadata?.ownerReferences?.some((one) => one.controller && one.uid === uid));
}

export function selected(pods: readonly Pod[], namespace: string | undefined, selector: LabelSelector): readonly Pod[] {
  const matcher = labelMatcher(selector);
  return pods.filter(({ metadata }) => metadata?.namespace === namespace && matcher.matches(metadata?.labels ?? {}));
}

export const isFinished = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

export const isTrue = (
  object: { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } },
  type: string,
): boolean => object.status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;

export const isReady = (object: Parameters<typeof isTrue>[0]): boolean => isTrue(object, 'Ready');
