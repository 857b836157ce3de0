/** Gateways, their classes, ListenerSets, grants and policies: what the schema bounds and what expressions refuse, in upstream's words. */
import { testCases, type ValidationCase } from './testing.ts';

const apiVersion = 'gateway.networking.k8s.io/v1';
const group = 'gateway.networking.k8s.io';
const listener = { name: 'http', port: 80, protocol: 'HTTP' };
const https = { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'web' }] } };
const subdomain = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const unchecked =
  '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

const listeners = (name: string, value: object[], ...messages: string[]): ValidationCase => ({
  name,
  changes: { 'spec.listeners': value as never },
  errors: messages.map((message) => `spec.listeners: Invalid value: ${message}`),
});

const gatewayCases: readonly ValidationCase[] = [
  {
    name: 'refuses a Gateway without a class',
    changes: { 'spec.gatewayClassName': undefined },
    errors: ['spec.gatewayClassName: Required value', unchecked],
  },
  {
    name: 'refuses an empty class',
    changes: { 'spec.gatewayClassName': '' },
    errors: ['spec.gatewayClassName: Invalid value: "": spec.gatewayClassName in body should be at least 1 chars long'],
  },
  {
    name: 'refuses no listeners',
    changes: { 'spec.listeners': [] },
    errors: ['spec.listeners: Invalid value: 0: spec.listeners in body should have at least 1 items'],
  },
  {
    name: 'refuses 65 listeners',
    changes: {
      'spec.listeners': Array.from({ length: 65 }, (_, index) => ({ ...listener, name: `l${index}`, port: index + 1 })),
    },
    errors: ['spec.listeners: Too many: 65: must have at most 64 items', unchecked],
  },
  {
    name: 'refuses ports outside 1 to 65535',
    changes: { 'spec.listeners[0].port': 0 },
    errors: [
      'spec.listeners[0].port: Invalid value: 0: spec.listeners[0].port in body should be greater than or equal to 1',
    ],
  },
  {
    name: 'refuses a bad hostname',
    changes: { 'spec.listeners[0].hostname': 'Foo.*' },
    errors: [
      'spec.listeners[0].hostname: Invalid value: "Foo.*": spec.listeners[0].hostname in body should match \'^(\\*\\.)?…',
    ],
  },
  {
    name: 'refuses namespaces from elsewhere',
    changes: { 'spec.listeners[0].allowedRoutes': { namespaces: { from: 'Any' } } },
    errors: [
      'spec.listeners[0].allowedRoutes.namespaces.from: Unsupported value: "Any": supported values: "All", "Selector", "Same"',
    ],
  },
  {
    name: 'refuses two listeners of one name, once by the list and once by the expression',
    changes: { 'spec.listeners': [listener, { ...listener, port: 81 }] },
    errors: [
      'spec.listeners[1]: Duplicate value: {"name":"http"}',
      'spec.listeners: Invalid value: Listener name must be unique within the Gateway',
    ],
  },
  listeners('accepts one port for two hostnames', [
    { ...listener, hostname: 'a.example' },
    { ...listener, name: 'b', hostname: 'b.example' },
  ]),
  listeners('accepts one port with a hostname and without', [
    { ...listener, hostname: 'a.example' },
    { ...listener, name: 'b' },
  ]),
  listeners(
    'refuses one port for the same hostname twice',
    [listener, { ...listener, name: 'b' }],
    'Combination of port, protocol and hostname must be unique for each listener',
  ),
  listeners(
    'refuses TLS on plain HTTP',
    [{ ...https, protocol: 'HTTP' }],
    "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
  ),
  listeners(
    'refuses passthrough of HTTPS',
    [{ ...https, tls: { mode: 'Passthrough' } }],
    'tls mode must be Terminate for protocol HTTPS',
  ),
  listeners('accepts passthrough of TLS', [{ ...https, protocol: 'TLS', tls: { mode: 'Passthrough' } }]),
  listeners(
    'refuses TLS without tls',
    [{ name: 't', port: 443, protocol: 'TLS' }],
    'tls mode must be set for protocol TLS',
  ),
  listeners(
    'refuses a hostname for TCP',
    [{ name: 't', port: 1, protocol: 'TCP', hostname: 'a.example' }],
    "hostname must not be specified for protocols ['TCP', 'UDP']",
  ),
  {
    name: 'refuses termination without a certificate',
    changes: { 'spec.listeners': [{ ...https, tls: {} }] },
    errors: [
      'spec.listeners[0].tls: Invalid value: certificateRefs or options must be specified when mode is Terminate',
    ],
  },
  {
    name: 'accepts termination by options',
    changes: { 'spec.listeners': [{ ...https, tls: { options: { 'a.example/b': 'c' } } }] },
  },
  {
    name: 'accepts addresses of both kinds',
    changes: { 'spec.addresses': [{ value: '10.0.0.1' }, { type: 'Hostname', value: 'a.example' }, { value: '::1' }] },
  },
  {
    name: 'refuses an address that is none',
    changes: { 'spec.addresses': [{ type: 'IPAddress', value: 'a.example' }] },
    errors: [
      'spec.addresses[0]: Invalid value: "spec.addresses[0]" must validate one and only one schema (oneOf). Found none valid',
    ],
  },
  {
    name: 'refuses the same address twice',
    changes: { 'spec.addresses': [{ value: '10.0.0.1' }, { value: '10.0.0.1' }] },
    errors: ['spec.addresses: Invalid value: IPAddress values must be unique'],
  },
  {
    name: 'refuses the same hostname twice, and a bad one',
    changes: {
      'spec.addresses': [
        { type: 'Hostname', value: 'A' },
        { type: 'Hostname', value: 'A' },
      ],
    },
    errors: [
      'spec.addresses[0]: Invalid value: Hostname value must be empty or contain only valid characters…',
      'spec.addresses[1]: Invalid value: Hostname value must be empty or contain only valid characters…',
      'spec.addresses: Invalid value: Hostname values must be unique',
    ],
  },
  {
    name: 'refuses bad labels for infrastructure',
    changes: { 'spec.infrastructure': { labels: { '-a': 'b' } } },
    errors: [
      'spec.infrastructure.labels: Invalid value: Label keys must be in the form of an optional DNS subdomain prefix…',
    ],
  },
  {
    name: 'refuses a long prefix of an annotation',
    changes: { 'spec.infrastructure': { annotations: { [`${'a'.repeat(253)}/b`]: 'c' } } },
    errors: [
      "spec.infrastructure.annotations: Invalid value: If specified, the annotation key's prefix must be a DNS subdomain…",
    ],
  },
  {
    name: 'refuses two rules of clients for one port',
    changes: {
      'spec.tls': {
        frontend: {
          default: {},
          perPort: [1, 1].map((port) => ({ port, tls: {} })),
        },
      },
    },
    errors: [
      'spec.tls.frontend.perPort[1]: Duplicate value: {"port":1}',
      'spec.tls.frontend.perPort: Invalid value: Port for TLS configuration must be unique within the Gateway',
    ],
  },
  {
    name: 'refuses a status whose condition has no reason',
    update: {
      'status.conditions': [
        { type: 'Accepted', status: 'True', message: '', reason: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
      ],
    },
    subresource: 'status',
    errors: [
      'status.conditions[0].reason: Invalid value: "": status.conditions[0].reason in body should be at least 1 chars long',
      'status.conditions[0].reason: Invalid value: "": status.conditions[0].reason in body should match…',
    ],
  },
];

const targets = (...sections: (string | undefined)[]): never =>
  sections.map((sectionName) => ({
    group: '',
    kind: 'Service',
    name: 'web',
    ...(sectionName && { sectionName }),
  })) as never;

const policyCases: readonly ValidationCase[] = [
  {
    name: "refuses both authorities and the machine's own",
    changes: { 'spec.validation.caCertificateRefs': [{ group: '', kind: 'ConfigMap', name: 'ca' }] },
    errors: ['spec.validation: Invalid value: must not contain both CACertificateRefs and WellKnownCACertificates'],
  },
  {
    name: 'refuses neither',
    changes: { 'spec.validation.wellKnownCACertificates': undefined },
    errors: ['spec.validation: Invalid value: must specify either CACertificateRefs or WellKnownCACertificates'],
  },
  { name: 'accepts two ports of a Service', changes: { 'spec.targetRefs': targets('a', 'b') } },
  {
    name: 'refuses a Service and one of its ports',
    changes: { 'spec.targetRefs': targets(undefined, 'b') },
    errors: [
      'spec.targetRefs: Invalid value: sectionName must be specified when targetRefs includes 2 or more references to the same target',
    ],
  },
  {
    name: 'refuses a port twice',
    changes: { 'spec.targetRefs': targets('a', 'a') },
    errors: [
      'spec.targetRefs: Invalid value: sectionName must be unique when targetRefs includes 2 or more references to the same target',
    ],
  },
  {
    name: "refuses names without their value, or with another's",
    changes: { 'spec.validation.subjectAltNames': [{ type: 'Hostname', uri: 'spiffe://a' }] },
    errors: [
      'spec.validation.subjectAltNames[0]: Invalid value: SubjectAltName element must contain Hostname, if Type is set to Hostname',
      'spec.validation.subjectAltNames[0]: Invalid value: SubjectAltName element must not contain URI, if Type is not set to URI',
    ],
  },
];

testCases([
  {
    resource: `gateways.${group}`,
    valid: {
      apiVersion,
      kind: 'Gateway',
      metadata: { name: 'web', namespace: 'default' },
      spec: { gatewayClassName: 'naru', listeners: [listener] },
    },
    cases: gatewayCases,
  },
  {
    resource: `gatewayclasses.${group}`,
    valid: {
      apiVersion,
      kind: 'GatewayClass',
      metadata: { name: 'a' },
      spec: { controllerName: 'example.net/gateway' },
    },
    cases: [
      {
        name: 'refuses another controller',
        update: { 'spec.controllerName': 'example.net/other' },
        errors: ['spec.controllerName: Invalid value: "example.net/other": field is immutable'],
      },
      {
        name: 'refuses a controller without a domain',
        changes: { 'spec.controllerName': 'gateway' },
        errors: ['spec.controllerName: Invalid value: "gateway": spec.controllerName in body should match…'],
      },
      {
        name: 'refuses a description of 65 letters',
        changes: { 'spec.description': 'a'.repeat(65) },
        errors: ['spec.description: Too long: may not be more than 64 bytes', unchecked],
      },
    ],
  },
  {
    resource: `listenersets.${group}`,
    valid: {
      apiVersion,
      kind: 'ListenerSet',
      metadata: { name: 'more', namespace: 'default' },
      spec: { parentRef: { name: 'web' }, listeners: [listener] },
    },
    cases: [
      listeners(
        'refuses one port for the same hostname twice',
        [listener, { ...listener, name: 'b' }],
        'Combination of port, protocol and hostname must be unique for each listener',
      ),
    ],
  },
  {
    resource: `referencegrants.${group}`,
    valid: {
      apiVersion,
      kind: 'ReferenceGrant',
      metadata: { name: 'grant', namespace: 'default' },
      spec: { from: [{ group, kind: 'HTTPRoute', namespace: 'a' }], to: [{ group: '', kind: 'Service' }] },
    },
    cases: [
      {
        name: 'refuses a grant to nobody',
        changes: { 'spec.from': [] },
        errors: ['spec.from: Invalid value: 0: spec.from in body should have at least 1 items'],
      },
      {
        name: 'refuses a group that is none',
        changes: { 'spec.to[0].group': 'A' },
        errors: [`spec.to[0].group: Invalid value: "A": spec.to[0].group in body should match '^$|${subdomain}'`],
      },
    ],
  },
  {
    resource: `backendtlspolicies.${group}`,
    valid: {
      apiVersion,
      kind: 'BackendTLSPolicy',
      metadata: { name: 'tls', namespace: 'default' },
      spec: {
        targetRefs: targets(undefined),
        validation: { hostname: 'a.example', wellKnownCACertificates: 'System' },
      },
    },
    cases: policyCases,
  },
]);
