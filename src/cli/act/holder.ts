/** Why an object that was deleted is still there, in words, from the object alone. Pure. */
import type { KubeObject } from '../../api/object.ts';

/** Finalizers of Kubernetes and of naru itself, and what each waits for. Others belong to whoever their name says. */
const knownFinalizers: Readonly<Record<string, string>> = {
  foregroundDeletion: 'its dependents are deleted first',
  orphan: 'its dependents are being set free',
  'kubernetes.io/pvc-protection': 'a pod still uses it',
  'kubernetes.io/pv-protection': 'a claim is still bound to it',
  'batch.kubernetes.io/job-tracking': 'its Job has not counted it yet',
  'service.kubernetes.io/load-balancer-cleanup': 'its load balancer is being removed',
  'resource.kubernetes.io/delete-protection': 'a pod still has its devices',
  'customresourcecleanup.apiextensions.k8s.io': 'its custom resources are deleted first',
};

interface Terminating {
  readonly spec?: { readonly finalizers?: readonly string[] };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

/** `ends its programs (grace period 30 s)`, `is held by finalizer example.com/x, …` */
export function holderOf(object: KubeObject): string {
  const { finalizers = [], deletionGracePeriodSeconds: grace } = object.metadata ?? {};
  const { spec, status } = object as Terminating;
  if (finalizers.length > 0) return `is held by ${finalizers.map(finalizerText).join(' and ')}`;
  if (object.kind === 'Namespace' && (spec?.finalizers ?? []).length > 0) {
    const said = (status?.conditions ?? []).filter(({ status: is }) => is === 'True').map(({ message }) => message);
    return said.length > 0 ? `is not empty: ${said.join(' ')}` : 'is being emptied';
  }
  if (object.kind === 'Pod') return `ends its programs${grace === undefined ? '' : ` (grace period ${grace} s)`}`;
  return 'is being deleted';
}

function finalizerText(name: string): string {
  const known = knownFinalizers[name];
  if (known !== undefined) return `finalizer ${name} (${known})`;
  return `finalizer ${name} (its own controller must remove it; does that run?)`;
}
