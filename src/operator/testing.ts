/**
 * `naru/operator/testing`: a whole cluster in the test's own process, with simulated nodes, in about a second. Its pods run nowhere, and become Ready all the
 * same; everything else (admission, control loops, garbage collection, custom resources) is as in any cluster.
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { CustomResourceDefinition } from '../api/schema/types/apiextensions-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import { customResourceDefinitions } from '../client/resources.ts';
import { RealClock } from '../lib/clock.ts';

export { type Cluster, type ClusterOptions, startCluster } from '../cluster.ts';

const clock = new RealClock({ keepsAlive: true });
const lookEveryMs = 50;

/**
 * Looks until `look` gives something that is neither undefined nor false, and resolves with it.
 * @throws Error that names what was waited for, with the last failure of `look` as its cause
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 15_000,
): Promise<T> {
  const endMs = clock.monotonic() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (clock.monotonic() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause });
    await clock.sleep(lookEveryMs);
  }
}

/** Creates a definition, or brings it to this state, and resolves when its kind is served. */
export async function install(client: Client, definition: CustomResourceDefinition): Promise<void> {
  const reference = { namespace: '', name: definition.metadata?.name ?? '' };
  const patch = { type: 'apply', body: definition, force: true } as const;
  await client.patch(customResourceDefinitions, reference, patch, { fieldManager: 'test' });
  await until(`${reference.name} is established`, async () => {
    const { status } = await client.get(customResourceDefinitions, reference);
    return status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True');
  });
}

/** Resolves when nothing of this name is there any more. */
export async function gone<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  reference: ObjectReference,
): Promise<void> {
  await until(`${resource.resource}/${reference.name} is gone`, () =>
    client.get(resource, reference).then(
      () => false as const,
      (error: unknown) => hasReason(error, 'NotFound'),
    ),
  );
}
