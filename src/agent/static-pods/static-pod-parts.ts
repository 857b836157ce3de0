/** The parts that a node has for pods of manifests. */
import type { ObjectReference } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Service } from '../../lib/service.ts';
import { type AgentOptions, configurationOf } from '../agent-options.ts';
import type { PodWorkers } from '../pod/pod-workers.ts';
import { ManifestFolder } from './manifest-folder.ts';
import { MirrorPods } from './mirror-pods.ts';
import type { StaticPodFeed } from './static-pod-feed.ts';

export function hasManifests(options: AgentOptions): boolean {
  return options.readManifest !== undefined && configurationOf(options).staticPodPath !== '';
}

/** Pods of manifests, and their mirrors; mirrors of a node that has no manifests any more are removed. */
export function staticPods(options: AgentOptions, pods: PodWorkers, feed: StaticPodFeed): readonly Service[] {
  const { client, runtime, nodeName, clock, log, readManifest: read } = options;
  const { staticPodPath } = configurationOf(options);
  const workerOf = (reference: ObjectReference) => pods.find(reference);
  const mirrors = new MirrorPods({ client, feed, workerOf, nodeName, clock, log });
  if (read === undefined || !hasManifests(options)) return [mirrors];
  const changed = async (found: readonly Pod[]): Promise<void> => {
    // Where it does not answer, nothing is known to be left from before.
    const { sandboxes } = await runtime.state().catch(() => ({ sandboxes: [] }));
    feed.setStatic(
      found,
      sandboxes.map(({ pod }) => pod),
    );
  };
  const manifests = new ManifestFolder({ path: staticPodPath, nodeName, read, changed, clock, log });
  return [mirrors, manifests];
}
