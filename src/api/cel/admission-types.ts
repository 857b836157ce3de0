/**
 * What expressions about a write know of the request and of its namespace, as types: for admission policies and for the match conditions
 * of webhooks. Fields and names as upstream declares them (kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy).
 */
import type { CelField, CelType } from '../../lib/cel/types.ts';

const string: CelType = { kind: 'string' };
const int: CelType = { kind: 'int' };
const timestamp: CelType = { kind: 'timestamp' };
const texts: CelType = { kind: 'list', element: string };
const textByText: CelType = { kind: 'map', key: string, value: string };

/** A `?` behind a name: it may be absent. */
function object(name: string, fields: Readonly<Record<string, CelType>>): CelType {
  const entries = Object.entries(fields).map(([field, type]): [string, CelField] =>
    field.endsWith('?') ? [field.slice(0, -1), { type }] : [field, { type, required: true }],
  );
  return { kind: 'object', name, fields: new Map(entries) };
}

const groupVersionKind = object('kubernetes.GroupVersionKind', { group: string, version: string, kind: string });
const groupVersionResource = object('kubernetes.GroupVersionResource', {
  group: string,
  version: string,
  resource: string,
});
const userInfo = object('kubernetes.UserInfo', {
  'username?': string,
  'uid?': string,
  'groups?': texts,
  'extra?': { kind: 'map', key: string, value: texts },
});

/** `request`: an AdmissionRequest without its objects and its uid. */
export const requestType: CelType = object('kubernetes.AdmissionRequest', {
  kind: groupVersionKind,
  resource: groupVersionResource,
  'subResource?': string,
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  'requestSubResource?': string,
  name: string,
  'namespace?': string,
  operation: string,
  userInfo,
  'dryRun?': { kind: 'bool' },
  'options?': { kind: 'dyn' },
});

const namespaceCondition = object('kubernetes.NamespaceCondition', {
  status: string,
  type: string,
  lastTransitionTime: timestamp,
  message: string,
  reason: string,
});

/** `namespaceObject`: what upstream shows of a Namespace. */
export const namespaceType: CelType = object('kubernetes.Namespace', {
  metadata: object('kubernetes.NamespaceMetadata', {
    name: string,
    generateName: string,
    namespace: string,
    labels: textByText,
    annotations: textByText,
    UID: string,
    creationTimestamp: timestamp,
    deletionGracePeriodSeconds: int,
    deletionTimestamp: timestamp,
    generation: int,
    resourceVersion: string,
    finalizers: texts,
  }),
  spec: object('kubernetes.NamespaceSpec', { finalizers: texts }),
  status: object('kubernetes.NamespaceStatus', {
    conditions: { kind: 'list', element: namespaceCondition },
    phase: string,
  }),
});
