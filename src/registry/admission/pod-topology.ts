/** Upstream's PodTopologyLabels: a pod that has its node carries the node's zone and region, for programs that ask their own labels. */
import type { Node } from '../../api/schema/types/core-v1.ts';
import type { Store } from '../../store/store.ts';
import { type AdmissionRequest, isPodWrite } from './admission.ts';

const labelNames = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'] as const;

/** None where the node is not known, or does not say. */
export function topologyLabels(store: Pick<Store, 'get'>, node: string): Readonly<Record<string, string>> {
  const found: Node | undefined = store.get({ collection: 'nodes', namespace: '', name: node })?.object;
  const labels: Record<string, string> = {};
  for (const name of labelNames) {
    const value = found?.metadata?.labels?.[name];
    if (value !== undefined) labels[name] = value;
  }
  return labels;
}

export function podTopology(request: AdmissionRequest): void {
  const { operation, draft, store } = request;
  const node = (draft?.['spec'] as { readonly nodeName?: string } | undefined)?.nodeName ?? '';
  if (operation !== 'CREATE' || !isPodWrite(request) || draft === undefined || node === '') return;
  const labels = topologyLabels(store, node);
  if (Object.keys(labels).length > 0)
    draft.metadata = { ...draft.metadata, labels: { ...draft.metadata?.labels, ...labels } };
}
