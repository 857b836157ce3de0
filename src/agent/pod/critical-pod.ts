/** Which pods the node keeps whatever happens: the cluster, or the node itself, stands on them. Pure. */
import type { Pod } from '../../api/schema/types/core-v1.ts';

const systemCriticalPriority = 2_000_000_000;

/** From the node's own files, or its image in the API. */
export function isStaticPod({ metadata }: Pod): boolean {
  const { annotations = {} } = metadata ?? {};
  const source = annotations['kubernetes.io/config.source'] ?? 'api';
  return source !== 'api' || annotations['kubernetes.io/config.mirror'] !== undefined;
}

/** Pods from the node's own files, their images in the API, and those of a system's priority. */
export function isCriticalPod(pod: Pod): boolean {
  return isStaticPod(pod) || (pod.spec?.priority ?? 0) >= systemCriticalPriority;
}
