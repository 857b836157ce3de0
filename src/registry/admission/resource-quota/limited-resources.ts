/**
 * Resources that only quotas open: a namespace whose quotas do not speak of them gets none. Which these are, an administrator says
 * (`apiserver.config.k8s.io/v1 ResourceQuotaConfiguration`); without that, there are none, as upstream. Pure.
 */
import { indexPath, required } from '../../../api/field-error.ts';
import type { JsonObject, JsonValue } from '../../../api/object.ts';
import type { Scope } from '../../../api/quota/evaluator.ts';
import { checkFields, checkKind, fail, objectsAt, textAt, textsAt } from '../settings-reading.ts';

export interface LimitedResource {
  /** Empty for the core group. */
  readonly apiGroup: string;
  readonly resource: string;
  /** Names that contain one of these must stand in a quota to be used: `.storageclass.storage.k8s.io/requests.storage`. */
  readonly matchContains: readonly string[];
  /** Objects in one of these scopes need a quota with that scope. */
  readonly matchScopes: readonly Scope[];
}

/** Of the names that a write to `collection` consumes, those that some quota must speak of. */
export function uncoveredNames(
  limited: readonly LimitedResource[],
  collection: string,
  consumed: readonly string[],
): string[] {
  const own = limited.filter(
    ({ apiGroup, resource }) => collection === (apiGroup === '' ? resource : `${resource}.${apiGroup}`),
  );
  return consumed.filter((name) => own.some(({ matchContains }) => matchContains.some((part) => name.includes(part))));
}

/** Scopes that hold for the object and that none of `opened` names, as upstream prints them. */
export function uncoveredScopes(
  limited: readonly LimitedResource[],
  holds: (scope: Scope) => boolean,
  opened: readonly Scope[],
): string[] {
  const names = new Set(opened.map(({ scopeName }) => scopeName));
  return limited
    .flatMap(({ matchScopes }) => matchScopes)
    .filter((scope) => holds(scope) && !names.has(scope.scopeName))
    .map(({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(' ')}]}`);
}

/** @throws Error, which names the field */
export function readLimitedResources(document: JsonValue): LimitedResource[] {
  const legacy = (document as JsonObject | null)?.['kind'] === 'Configuration';
  const root = legacy
    ? checkKind(document, 'Configuration', legacyVersions)
    : checkKind(document, 'ResourceQuotaConfiguration', ['apiserver.config.k8s.io/v1']);
  checkFields(root, '', ['apiVersion', 'kind', 'limitedResources']);
  return objectsAt(root, '', 'limitedResources').map((each, index) =>
    readLimited(each, indexPath('limitedResources', index)),
  );
}

const legacyVersions = ['resourcequota.admission.k8s.io/v1beta1', 'resourcequota.admission.k8s.io/v1alpha1'];

function readLimited(object: JsonObject, path: string): LimitedResource {
  checkFields(object, path, ['apiGroup', 'resource', 'matchContains', 'matchScopes']);
  const resource = textAt(object, path, 'resource');
  if (resource === '') fail([required(`${path}.resource`, '')]);
  return {
    apiGroup: textAt(object, path, 'apiGroup'),
    resource,
    matchContains: textsAt(object, path, 'matchContains'),
    matchScopes: objectsAt(object, path, 'matchScopes').map((each, index) =>
      readScope(each, indexPath(`${path}.matchScopes`, index)),
    ),
  };
}

function readScope(object: JsonObject, path: string): Scope {
  checkFields(object, path, ['scopeName', 'operator', 'values']);
  return {
    scopeName: textAt(object, path, 'scopeName') as Scope['scopeName'],
    operator: textAt(object, path, 'operator') as Scope['operator'],
    values: textsAt(object, path, 'values'),
  };
}
