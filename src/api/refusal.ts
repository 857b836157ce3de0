/** Upstream's Forbidden error for a request that no authorizer allows: who cannot do what, where, and what the authorizers said. */
import { forbidden, StatusError } from './status-error.ts';

/** What was asked, as authorizers are asked it. */
export interface RefusedRequest {
  readonly user: { readonly name: string };
  readonly verb: string;
  readonly group: string;
  /** Empty where a path is asked for. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
}

/** `reason`: the authorizers'; empty where they have nothing to say. */
export function forbiddenError(request: RefusedRequest, reason: string): StatusError {
  const { group, resource, name } = request;
  const why = reason === '' ? refusal(request) : `${refusal(request)}: ${reason}`;
  if (resource === '') return new StatusError(403, 'Forbidden', `forbidden: ${why}`, {});
  return forbidden({ group, kind: resource, name }, why);
}

function refusal({ user, verb, path, group, resource, subresource, namespace }: RefusedRequest): string {
  if (resource === '') return `User "${user.name}" cannot ${verb} path "${path}"`;
  const asked = subresource === '' ? resource : `${resource}/${subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return `User "${user.name}" cannot ${verb} resource "${asked}" in API group "${group}" ${scope}`;
}
