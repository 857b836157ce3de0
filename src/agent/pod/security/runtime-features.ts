/** What the runtime's handlers can do, as the node's status tells it: who schedules by it, and people. Pure. */
import type { NodeStatusPart } from '../../node-status.ts';
import { noFeatures, type RuntimeFeatures } from '../../runtime.ts';

/** Where the runtime tells nothing (containerd before 1.7), the status says nothing. */
export const runtimeFeaturesPart: NodeStatusPart = (status, { runtime }) => {
  const { runtimeHandlers: _, features: __, ...rest } = status;
  const { features = noFeatures, handlers = [] } = runtime;
  const own = features.userNamespaces || features.recursiveReadOnlyMounts;
  const all = own || handlers.length > 0 ? [{ name: '', features }, ...handlers] : [];
  return {
    ...rest,
    ...(all.length > 0 && { runtimeHandlers: all.map(({ name, features: of }) => handler(name, of)) }),
    ...(features.supplementalGroupsPolicy && { features: { supplementalGroupsPolicy: true } }),
  };
};

function handler(name: string, { recursiveReadOnlyMounts, userNamespaces }: RuntimeFeatures) {
  return { name, features: { recursiveReadOnlyMounts, userNamespaces } };
}
