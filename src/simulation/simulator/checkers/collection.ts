/**
 * The garbage collector deletes only what has lost all its owners: judged at the moment of each deletion, against the store and not against what the
 * collector believed. An owner that is gone never comes back and one that waits for its dependents never stops to, so the judgement is exact.
 */
import { type KubeObject, objectKey } from '../../../api/object.ts';
import type { OwnerReference } from '../../../api/schema/types/meta-v1.ts';
import type { Client } from '../../../client/client.ts';
import { intercept } from '../../../client/intercept.ts';
import type { Store } from '../../../store/store.ts';
import type { Verdict } from '../verdict.ts';

/** The collector's client, watched. */
export function judgedCollector(client: Client, store: Store, verdict: Verdict): Client {
  return intercept(client, {
    delete: (real) => (resource, reference, options) => {
      const collection = resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;
      const entry = store.get({ collection, ...reference });
      // A deletion of another version is refused, and does no harm.
      const takesEffect = options?.resourceVersion === undefined || options.resourceVersion === String(entry?.revision);
      const owner = takesEffect && entry !== undefined ? livingOwner(store, entry.object) : undefined;
      if (owner !== undefined) {
        const what = `${collection} ${objectKey({ metadata: reference })}`;
        verdict.broken('what has an owner is kept', `${what} was deleted, and ${owner.kind} ${owner.name} is there`);
      }
      return real.delete(resource, reference, options);
    },
  });
}

function livingOwner(store: Store, { metadata }: KubeObject): OwnerReference | undefined {
  return metadata?.ownerReferences?.find(({ uid, name }) =>
    [...store.counts().keys()].some((collection) => {
      const places = [metadata.namespace ?? '', ''];
      const owner = places
        .map((namespace) => store.get({ collection, namespace, name }))
        .find((one) => one?.object.metadata?.uid === uid);
      return owner !== undefined && !waitsForDependents(owner.object);
    }),
  );
}

const waitsForDependents = ({ metadata }: KubeObject): boolean =>
  metadata?.deletionTimestamp !== undefined && metadata.finalizers?.includes('foregroundDeletion') === true;
