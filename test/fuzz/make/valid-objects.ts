/**
 * Good objects of every served kind: small ones by hand where the API asks for more than the tables say, filled up at random from
 * the tables, so that every field of every kind is met.
 */
import type { JsonObject, JsonValue } from '../../../src/api/object.ts';
import type { ObjectKind } from '../../../src/api/protobuf/envelope.ts';
import { apiVersionOf, type ResourceInfo } from '../../../src/api/resources.ts';
import { builtinSchema } from '../../../src/api/schema/load.ts';
import type { Field, MessageType, Scalar, SpecialForm, Type } from '../../../src/api/schema/schema.ts';
import type { Chance } from './chance.ts';
import { customObject } from './custom-kind.ts';
import { extensions } from './extensions.ts';

const labels = { app: 'web' };
const selector = { matchLabels: labels };
const podSpec = { containers: [{ name: 'main', image: 'web:1', env: [{ name: 'A', value: 'b' }] }] };
const template = { metadata: { labels }, spec: podSpec };
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
const subjects = [{ kind: 'User', name: 'ann', apiGroup: 'rbac.authorization.k8s.io' }];
const webhook = {
  name: 'a.example.com',
  clientConfig: { url: 'https://127.0.0.1:1/x' },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
};
const request = { deviceClassName: 'gpu', count: 1, allocationMode: 'ExactCount' };
const claim = { devices: { requests: [{ name: 'a', exactly: request }] } };
const authority = `-----BEGIN CERTIFICATE-----
MIIBbjCCARWgAwIBAgIUbQvfV2khE5AvWGhG34pFO8d87T4wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAgFw0yNjExMjExNTMwNTVaGA8yMTI2MTAyODE1MzA1NVow
DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIEVdDrL3A0v
wY3C7d36KezV75KoZhsXICPvuR+pawrCArnnbNLtEz9rNDPQAWyM3Y4chthUF2BX
ybfo8nXKhrijUzBRMB0GA1UdDgQWBBQKSA61Dq9Rahq6nH4qWXPcpootfjAfBgNV
HSMEGDAWgBQKSA61Dq9Rahq6nH4qWXPcpootfjAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0cAMEQCIF+gK/qtjaMO7EXCmKT53GOS2JC3UGXfEg/JLkzTMbOX
AiBBmVhwol17jqq5q6wurLfhnNMHuRj1bjaZ14wlOok2gg==
-----END CERTIFICATE-----
`;
const certificateRequest = `-----BEGIN CERTIFICATE REQUEST-----
MIHYMH8CAQAwHTENMAsGA1UECgwEdGVhbTEMMAoGA1UEAwwDYW5uMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEtKUwYd4ZK30OOY0YAKjH4ttsKhUPkFosg8F1XeEW
f5G7DBdkijKpcu6QiqxSti+et4ZGprdbLrsWVRnLfn3ryaAAMAoGCCqGSM49BAMC
A0kAMEYCIQDgfyn/1xzx6Cca7nb843fT2RfVXtppArZrY7ccKMo3WwIhAK58UbMp
aJusYht0+jrKBWDiXTGxo71qIPDWnrt1WM1/
-----END CERTIFICATE REQUEST-----
`;
const metric = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } };

/** What an object of the kind needs, beside its metadata. By kind, whatever its version. */
const needed: Readonly<Record<string, JsonObject>> = {
  APIService: { spec: { group: 'x.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10 } },
  Binding: { target: { kind: 'Node', name: 'node-a' } },
  CertificateSigningRequest: {
    spec: {
      request: Buffer.from(certificateRequest).toString('base64'),
      signerName: 'example.com/x',
      usages: ['client auth'],
    },
  },
  ClusterTrustBundle: { spec: { trustBundle: authority } },
  ClusterRole: { rules },
  ClusterRoleBinding: { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'a' }, subjects },
  ConfigMap: { data: { 'a.txt': 'x', b: 'y' }, binaryData: { c: 'AAEC' } },
  ControllerRevision: { revision: 1, data: { a: { b: [1, 'x', null] } } },
  CronJob: { spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: { template: withRestart('Never') } } } },
  CSIDriver: { spec: { attachRequired: false } },
  CSINode: { spec: { drivers: [] } },
  CSIStorageCapacity: { storageClassName: 'fast', capacity: '1Gi' },
  CustomResourceDefinition: {
    spec: {
      group: 'fuzz.example.com',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } },
        },
      ],
    },
  },
  DaemonSet: { spec: { selector, template } },
  Deployment: { spec: { replicas: 1, selector, template } },
  DeviceClass: { spec: { selectors: [{ cel: { expression: 'true' } }] } },
  DeviceTaintRule: { spec: { taint: { key: 'x', effect: 'None' } } },
  Endpoints: { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] },
  EndpointSlice: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 80 }] },
  Event: {
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'a' },
    regarding: { kind: 'Pod', namespace: 'default', name: 'a' },
    reason: 'Tested',
    action: 'Test',
    type: 'Normal',
    eventTime: '2024-01-02T03:04:05.000006Z',
    reportingController: 'example.com/x',
    reportingInstance: 'x',
    reportingComponent: 'x',
  },
  Eviction: { deleteOptions: { gracePeriodSeconds: 0 } },
  FlowSchema: { spec: { priorityLevelConfiguration: { name: 'exempt' } } },
  HorizontalPodAutoscaler: {
    spec: {
      scaleTargetRef: { kind: 'Deployment', name: 'a', apiVersion: 'apps/v1' },
      maxReplicas: 2,
      metrics: [metric],
      targetCPUUtilizationPercentage: 50,
    },
  },
  Ingress: { spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } } } },
  GatewayClass: { spec: { controllerName: 'example.com/gateway' } },
  Gateway: { spec: { gatewayClassName: 'naru', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] } },
  HTTPRoute: {
    spec: {
      parentRefs: [{ name: 'web' }],
      hostnames: ['example.com'],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/a' }, headers: [{ name: 'x-a', value: '1' }] }],
          filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x-b'] } }],
          backendRefs: [{ name: 'web', port: 80, weight: 2 }],
          timeouts: { request: '10s' },
        },
      ],
    },
  },
  GRPCRoute: {
    spec: {
      parentRefs: [{ name: 'web' }],
      rules: [{ matches: [{ method: { service: 'a.B', method: 'C' } }], backendRefs: [{ name: 'web', port: 80 }] }],
    },
  },
  TLSRoute: {
    spec: {
      parentRefs: [{ name: 'web' }],
      hostnames: ['a.example.com'],
      rules: [{ backendRefs: [{ name: 'web', port: 443 }] }],
    },
  },
  TCPRoute: { spec: { parentRefs: [{ name: 'web' }], rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] } },
  UDPRoute: { spec: { parentRefs: [{ name: 'web' }], rules: [{ backendRefs: [{ name: 'web', port: 53 }] }] } },
  ListenerSet: { spec: { parentRef: { name: 'web' }, listeners: [{ name: 'more', port: 81, protocol: 'HTTP' }] } },
  ReferenceGrant: {
    spec: {
      from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'default' }],
      to: [{ group: '', kind: 'Service' }],
    },
  },
  BackendTLSPolicy: {
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'web' }],
      validation: { hostname: 'example.com', wellKnownCACertificates: 'System' },
    },
  },
  IngressClass: { spec: { controller: 'example.com/x' } },
  IPAddress: { spec: { parentRef: { resource: 'services', namespace: 'default', name: 'a' } } },
  Job: { spec: { template: withRestart('Never') } },
  Lease: { spec: { holderIdentity: 'a', leaseDurationSeconds: 10, renewTime: '2024-01-02T03:04:05.000006Z' } },
  LimitRange: { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, default: { cpu: '1' } }] } },
  LocalSubjectAccessReview: { spec: { user: 'a', resourceAttributes: { namespace: 'default', verb: 'get' } } },
  MutatingAdmissionPolicy: { spec: { failurePolicy: 'Fail', reinvocationPolicy: 'Never' } },
  MutatingAdmissionPolicyBinding: { spec: { policyName: 'a' } },
  MutatingWebhookConfiguration: { webhooks: [] },
  Namespace: {},
  NetworkPolicy: { spec: { podSelector: {}, ingress: [{ from: [{ podSelector: selector }] }] } },
  Node: { spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'] } },
  PersistentVolume: {
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
  },
  PersistentVolumeClaim: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  Pod: { spec: podSpec },
  PodDisruptionBudget: { spec: { minAvailable: 1, selector } },
  PodGroup: { spec: { schedulingPolicy: { gang: { minCount: 2 } } } },
  PodTemplate: { template },
  PriorityClass: { value: 10 },
  PriorityLevelConfiguration: { spec: { type: 'Exempt' } },
  ReplicaSet: { spec: { replicas: 1, selector, template } },
  ReplicationController: { spec: { replicas: 1, selector: labels, template } },
  ResourceClaim: { spec: claim },
  ResourceClaimTemplate: { spec: { spec: claim } },
  ResourceQuota: { spec: { hard: { pods: '100' } } },
  ResourceSlice: { spec: { driver: 'x.example.com', pool: { name: 'a', generation: 1, resourceSliceCount: 1 } } },
  Role: { rules },
  RoleBinding: { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'a' }, subjects },
  RuntimeClass: { handler: 'runc' },
  Scale: { spec: { replicas: 1 } },
  Secret: { type: 'Opaque', data: { a: 'AAEC' }, stringData: { b: 'x' } },
  SelfSubjectAccessReview: { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } },
  SelfSubjectReview: {},
  SelfSubjectRulesReview: { spec: { namespace: 'default' } },
  Service: { spec: { selector: labels, ports: [{ port: 80, targetPort: 'http' }] } },
  ServiceAccount: { secrets: [{ name: 'a' }] },
  ServiceCIDR: { spec: { cidrs: ['10.200.0.0/24'] } },
  StatefulSet: { spec: { replicas: 1, serviceName: 'a', selector, template } },
  StorageClass: { provisioner: 'example.com/x', parameters: { a: 'b' } },
  SubjectAccessReview: { spec: { user: 'a', nonResourceAttributes: { path: '/x', verb: 'get' } } },
  TokenRequest: { spec: { audiences: ['x'], expirationSeconds: 3600 } },
  TokenReview: { spec: { token: 'a.b.c' } },
  ValidatingAdmissionPolicy: { spec: { validations: [{ expression: 'true' }] } },
  ValidatingAdmissionPolicyBinding: { spec: { policyName: 'a', validationActions: ['Deny'] } },
  ValidatingWebhookConfiguration: { webhooks: [webhook] },
  VolumeAttachment: { spec: { attacher: 'x', nodeName: 'a', source: { persistentVolumeName: 'a' } } },
  VolumeAttributesClass: { driverName: 'x.example.com', parameters: { a: 'b' } },
  Workload: { spec: { podGroupTemplates: [{ name: 'a', schedulingPolicy: { gang: { minCount: 2 } } }] } },
};

function withRestart(restartPolicy: string): JsonObject {
  return { metadata: { labels }, spec: { restartPolicy, ...podSpec } };
}

/** The kind that a resource or its subresource reads and writes. */
export function kindOf(resource: ResourceInfo, subresource = ''): ObjectKind & { group: string; version: string } {
  const info = resource.subresources.find(({ name }) => name === subresource)?.kind ?? resource;
  return { kind: info.kind, apiVersion: apiVersionOf(info), group: info.group, version: info.version };
}

/** Of so many kinds of object does this file know what they need; all others have only what the tables say. */
export const knownKinds: ReadonlySet<string> = new Set(Object.keys(needed));

export interface ObjectNames {
  readonly name: string;
  /** Empty for what stands outside of namespaces. */
  readonly namespace: string;
}

/** An object that is good, more often than not. */
export function goodObject(
  chance: Chance,
  resource: ResourceInfo,
  subresource: string,
  names: ObjectNames,
): JsonObject {
  const { kind, apiVersion, group, version } = kindOf(resource, subresource);
  const type = builtinSchema().kind({ group, version, kind });
  const { name, namespace } = names;
  const metadata = { name, ...(namespace !== '' && { namespace }), labels };
  if (type === undefined) return { kind, apiVersion, metadata, ...customObject(chance) };
  const extension = chance.percent(75) ? extensions[kind]?.(chance) : undefined;
  const base: JsonObject = { kind, apiVersion, metadata, ...(extension ?? needed[kind]) };
  const known = pruned(type, base);
  const share = chance.pick([0, 0, 0, 3, 10, 40]);
  return share === 0 ? known : filled(chance, type, known, share, 0);
}

/** Without fields that this version of the kind does not have. */
function pruned(type: MessageType, object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([name]) => type.fieldsByName.has(name))
      .map(([name, value]) => [name, prunedValue(type.fieldsByName.get(name) as Field, value)]),
  );
}

function prunedValue({ type }: Field, value: JsonValue): JsonValue {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return type.kind === 'message' && isObject ? pruned(type.message, value) : value;
}

const depthMax = 7;

/** Further fields, each with a chance of `share` in a hundred. */
function filled(chance: Chance, type: MessageType, given: JsonObject, share: number, depth: number): JsonObject {
  const object: JsonObject = {};
  for (const [name, field] of type.fieldsByName) {
    const present = Object.hasOwn(given, name) ? given[name] : undefined;
    if (present !== undefined) {
      object[name] = filledValue(chance, field.type, present, share, depth + 1);
    } else if (depth > 0 && !untouched.has(name) && chance.percent(share)) {
      const value = randomValue(chance, field, share, depth + 1);
      if (value !== undefined) object[name] = value;
    }
  }
  return object;
}

/** Fields that would make another request of it, or more pods than a test can bear. */
const untouched: ReadonlySet<string> = new Set([
  'kind',
  'apiVersion',
  'replicas',
  'parallelism',
  'completions',
  'backoffLimit',
  'minReplicas',
  'maxReplicas',
  'resourceVersion',
  'uid',
  'generateName',
  'deletionTimestamp',
  'finalizers',
]);

function filledValue(chance: Chance, type: Type, value: JsonValue, share: number, depth: number): JsonValue {
  if (type.kind === 'list' && Array.isArray(value)) {
    return value.map((each) => filledValue(chance, type.element, each, share, depth));
  }
  if (type.kind !== 'message' || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return filled(chance, type.message, value, share / 2, depth);
}

function randomValue(chance: Chance, field: Field, share: number, depth: number): JsonValue | undefined {
  if (field.enum !== undefined && field.type.kind === 'scalar') return chance.pick(field.enum);
  return ofType(chance, field.type, share, depth);
}

function ofType(chance: Chance, type: Type, share: number, depth: number): JsonValue | undefined {
  if (depth > depthMax) return undefined;
  switch (type.kind) {
    case 'scalar':
      return scalar(chance, type.scalar);
    case 'special':
      return type.message === undefined ? special(chance, type.form) : undefined;
    case 'message':
      return filled(chance, type.message, {}, share, depth);
    case 'list':
      return chance.several(2, () => ofType(chance, type.element, share, depth)).filter((value) => value !== undefined);
    case 'map': {
      const value = ofType(chance, type.value, share, depth);
      return value === undefined ? {} : { [chance.pick(['a', 'cpu', 'b.c/d', 'app'])]: value };
    }
  }
}

function scalar(chance: Chance, form: Scalar): JsonValue {
  switch (form) {
    case 'string':
      return chance.pick(['a', 'web', 'a.example.com', '/x', '10.0.0.1', 'Always', 'example.com/x', '']);
    case 'bytes':
      return chance.bytes(chance.int(12)).toString('base64');
    case 'boolean':
      return chance.percent(50);
    case 'float':
    case 'double':
      return chance.int(100) / 8;
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'uint64':
      return chance.pick([0, 1, 2, 80, 1000, -1, 65_536]);
  }
}

function special(chance: Chance, form: SpecialForm): JsonValue {
  switch (form) {
    case 'quantity':
      return chance.pick(['1', '100m', '1Gi', '0.5', '1e3', '123456789012345678']);
    case 'int-or-string':
      return chance.pick<JsonValue>([1, 80, 'http', '25%']);
    case 'time':
      return '2024-01-02T03:04:05Z';
    case 'micro-time':
      return '2024-01-02T03:04:05.000006Z';
    case 'duration':
      return '1m30s';
    case 'raw-extension':
      return { apiVersion: 'v1', kind: 'X', a: [1, 'x', null] };
    case 'fields-v1':
      return { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } } };
    case 'json':
      return { a: [1, 'x', null] };
  }
}
