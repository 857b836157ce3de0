/** Upstream's NamespaceLifecycle: nothing is created in a namespace that does not exist or is going; three namespaces stay. */
import type { Namespace } from '../../api/schema/types/core-v1.ts';
import { forbidden, notFound, StatusError } from '../../api/status-error.ts';
import type { AdmissionRequest } from './admission.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);

export function namespaceLifecycle(request: AdmissionRequest): void {
  const { operation, target, collection } = request;
  if (operation === 'DELETE') {
    if (collection === 'namespaces' && immortal.has(target.name)) {
      throw forbidden({ group: '', kind: 'namespaces', name: target.name }, 'this namespace may not be deleted');
    }
    return;
  }
  // What somebody may do there is answered in any namespace: else the answer would tell whether it is there.
  if (collection === 'localsubjectaccessreviews.authorization.k8s.io') return;
  if (operation === 'CREATE' && target.resource.namespaced) checkNamespace(request);
}

function checkNamespace({ store, target, draft }: AdmissionRequest): void {
  const name = target.namespace;
  const entry = store.get({ collection: 'namespaces', namespace: '', name });
  if (entry === undefined) throw notFound({ group: '', kind: 'namespaces', name });
  const namespace = entry.object as Namespace;
  if (namespace.status?.phase !== 'Terminating' && !namespace.metadata?.deletionTimestamp) return;
  const { group, resource } = target.resource;
  const subject = { group, kind: resource, name: draft?.metadata?.name || target.name };
  const why = `unable to create new content in namespace ${name} because it is being terminated`;
  const { code, reason, message, details } = forbidden(subject, why);
  // Controllers tell by this cause that trying again is pointless.
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${name} is being terminated`,
    field: 'metadata.namespace',
  };
  throw new StatusError(code, reason, message, { ...details, causes: [cause] });
}
