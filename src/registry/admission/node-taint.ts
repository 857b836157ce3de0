/**
 * Upstream's TaintNodesByCondition: a node comes into the world not ready, so that no pod is put there before it has said that it is.
 * `controllers/node-lifecycle` takes the taint away.
 */
import type { NodeSpec } from '../../api/schema/types/core-v1.ts';
import type { Draft } from '../draft.ts';
import type { AdmissionRequest } from './admission.ts';

const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;

export function nodeTaint({ operation, collection, target, draft }: AdmissionRequest): void {
  if (collection !== 'nodes' || operation !== 'CREATE' || target.subresource !== '' || draft === undefined) return;
  const spec = (draft['spec'] ?? {}) as Draft<NodeSpec>;
  const { taints = [] } = spec;
  if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return;
  draft['spec'] = { ...spec, taints: [...taints, { ...notReady }] };
}
