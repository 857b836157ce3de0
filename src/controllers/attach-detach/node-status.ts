/** What of CSI drivers is attached to a node, in its status: what its kubelet may mount. Entries of others are theirs. */
import type { AttachedVolume, Node } from '../../api/schema/types/core-v1.ts';
import { done, type Outcome } from '../../client/controller.ts';
import { nodes as nodesResource } from '../../client/resources.ts';
import { referenceOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { csiPrefix, isAttached, uniqueName } from './facts.ts';
import type { Surroundings } from './surroundings.ts';

/** `leaving`: names of attachments that are to go as soon as the node does not say any more that it has them. */
export async function reportAttached(
  surroundings: Surroundings,
  name: string,
  leaving: ReadonlySet<string>,
): Promise<Outcome> {
  const { own, nodes } = surroundings;
  const node = nodes.cache.byKey(name);
  if (node === undefined) return done;
  const attached = surroundings
    .attachmentsOn(name)
    .filter(([attachment]) => isAttached(attachment) && !leaving.has(attachment.metadata?.name ?? ''))
    .map(([, csi]) => uniqueName(csi));
  const volumesAttached = withAttached(node, attached);
  if (semanticallyEqual(volumesAttached, node.status?.volumesAttached)) return done;
  const patch = { type: 'merge', body: { status: { volumesAttached } } } as const;
  await own.client.patch(nodesResource, referenceOf(node), patch, { subresource: 'status' });
  return done;
}

/** What stands there keeps its place, so that nothing is written where nothing changed. */
function withAttached({ status }: Node, names: readonly string[]): AttachedVolume[] {
  const standing = (status?.volumesAttached ?? []).filter(
    ({ name }) => !name.startsWith(csiPrefix) || names.includes(name),
  );
  const missing = [...new Set(names)].filter((name) => !standing.some((one) => one.name === name)).sort();
  return [...standing, ...missing.map((name) => ({ name, devicePath: '' }))];
}
