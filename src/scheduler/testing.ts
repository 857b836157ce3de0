/** Makers of nodes and pods for the scheduler's tests. */
import type { Node, Pod, PodSpec } from '../api/schema/types/core-v1.ts';
import { type PodRequests, podRequests } from './requests.ts';
import { Snapshot } from './snapshot.ts';

export function makeNode(
  name: string,
  more: { cpu?: string; memory?: string; pods?: string; labels?: Record<string, string>; spec?: Node['spec'] } = {},
): Node {
  const { cpu = '4', memory = '8Gi', pods = '110', labels = {}, spec = {} } = more;
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: spec ?? {},
    status: { allocatable: { cpu, memory, pods } },
  };
}

export function makePod(name: string, more: { cpu?: string; memory?: string; spec?: Partial<PodSpec> } = {}): Pod {
  const requests = { ...(more.cpu && { cpu: more.cpu }), ...(more.memory && { memory: more.memory }) };
  const containers = [{ name: 'main', image: 'image', resources: { requests } }];
  return { metadata: { namespace: 'default', name, uid: `uid-${name}` }, spec: { containers, ...more.spec } };
}

export function makeSnapshot(nodes: readonly Node[], placed: readonly (readonly [Pod, string])[] = []): Snapshot {
  const snapshot = new Snapshot();
  for (const node of nodes) snapshot.setNode(node);
  for (const [pod, node] of placed) snapshot.setPod(pod, node);
  return snapshot;
}

export const requestsOf = (spec: Partial<PodSpec>): PodRequests => podRequests({ spec: { containers: [], ...spec } });
