/** `naru scale`: how many pods a workload has, by its scale subresource, custom workloads too. */
import process from 'node:process';
import type { KubeObject } from '../../api/object.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { findTargets, forEach, type Target, type TargetOptions, targetName } from '../cluster/targets.ts';
import { UserError } from '../user-error.ts';

export interface ScaleOptions extends ConnectionOptions, TargetOptions {
  readonly replicas: number;
  readonly currentReplicas?: number;
}

interface Scale extends KubeObject {
  readonly spec?: { readonly replicas?: number };
}

export async function scale(home: Home, words: readonly string[], options: ScaleOptions): Promise<void> {
  await withApi(home, options, async (connection) => {
    const targets = await findTargets(connection, new ResourceFinder(connection.client), words, options);
    await forEach(targets, async (target) => {
      await scaleOne(connection, target, options);
      process.stdout.write(`${targetName(target)} scaled\n`);
    });
  });
}

async function scaleOne(
  { client }: Connection,
  target: Target,
  { replicas, currentReplicas }: ScaleOptions,
): Promise<void> {
  const { resource } = target;
  if (!resource.subresources.includes('scale')) {
    throw new UserError(`${resource.resource} cannot be scaled: they have no scale`);
  }
  const options = { subresource: 'scale' };
  let resourceVersion: string | undefined;
  if (currentReplicas !== undefined) {
    const now = await client.get<Scale>(resource, target, options);
    const has = now.spec?.replicas ?? 0;
    if (has !== currentReplicas) throw new UserError(`Expected replicas to be ${currentReplicas}, was ${has}`);
    resourceVersion = now.metadata?.resourceVersion;
  }
  const body = { ...(resourceVersion !== undefined && { metadata: { resourceVersion } }), spec: { replicas } };
  await client.patch(resource, target, { type: 'merge', body }, options);
}
