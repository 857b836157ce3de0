/** What every rule for nodes looks at, and how one refuses: with upstream's Forbidden, which names the object that was to be written. */
import { forbidden, type StatusError } from '../../../api/status-error.ts';
import type { AdmissionRequest } from '../admission.ts';

/** A write by a node. */
export interface NodeWrite {
  readonly node: string;
  readonly request: AdmissionRequest;
}

export function refusal({ target, draft }: AdmissionRequest, why: string): StatusError {
  const { group, resource } = target.resource;
  const { name, generateName } = draft?.metadata ?? {};
  return forbidden({ group, kind: resource, name: target.name || name || generateName || 'Unknown' }, why);
}

/** On a create it stands in the body. */
export function nameOf({ target, draft }: AdmissionRequest): string {
  return target.name || (draft?.metadata?.name ?? '');
}
