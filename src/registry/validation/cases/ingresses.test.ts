/** Ingresses and network policies, case by case as upstream tests them, with what an update may leave as it was. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const group = 'networking.k8s.io';
const subdomain = 'a lowercase RFC 1123 subdomain must consist…';
const badIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

const backend = { service: { name: 'defaultbackend', port: { number: 80 } } };
const bucket = { resource: { apiGroup: 'example.com', kind: 'foo', name: 'bar' } };
const path = 'spec.rules[0].http.paths[0]';
const read = (pathType: string, text: string): JsonObject => ({
  [`${path}.path`]: text,
  [`${path}.pathType`]: pathType,
});

const absolute = 'must be an absolute path';
const texts: readonly (readonly [string, string, ...string[]])[] = [
  ['ImplementationSpecific', ''],
  ['ImplementationSpecific', 'foo', absolute],
  ['ImplementationSpecific', '/foo/bar/foo'],
  ['ImplementationSpecific', '/foo//bar/foo'],
  ['ImplementationSpecific', '/([a-z0-9]*)['],
  ['Prefix', '', absolute],
  ['Prefix', 'foo', absolute],
  ['Prefix', '/foo/bar/foo'],
  ['Prefix', '/foo//bar/foo', "must not contain '//'"],
  ['Prefix', '/foo/./foo', "must not contain '/./'"],
  ['Prefix', '/foo/%2f/foo', "must not contain '%2f'"],
  ['Prefix', '/foo/.', "cannot end with '/.'"],
  ['Exact', 'foo', absolute],
  ['Exact', '/foo'],
  ['Exact', '/foo//bar/foo', "must not contain '//'"],
  ['Exact', '/foo/../foo', "must not contain '/../'"],
  ['Exact', '/foo/%2F/foo', "must not contain '%2F'"],
  ['Exact', '/foo/..', "cannot end with '/..'"],
];
const pathCases: readonly ValidationCase[] = texts.map(([pathType, text, ...problems]) => ({
  name: `${problems.length > 0 ? 'refuses' : 'accepts'} "${text}" as a path that is ${pathType}`,
  changes: read(pathType, text),
  errors: problems.map((problem) => `${path}.path: Invalid value: "${text}": ${problem}`),
}));

const balancer = 'status.loadBalancer';

testCases([
  {
    resource: `ingresses.${group}`,
    valid: {
      metadata: { name: 'foo' },
      spec: {
        defaultBackend: backend,
        rules: [
          { host: 'foo.bar.com', http: { paths: [{ path: '/foo', pathType: 'ImplementationSpecific', backend }] } },
        ],
      },
    },
    cases: [
      ...pathCases,
      {
        name: 'refuses a way to read paths that is an empty text',
        changes: { [`${path}.pathType`]: '' },
        errors: [
          `${path}.pathType: Unsupported value: "": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
        ],
      },
      {
        name: 'refuses a wildcard alone',
        changes: { 'spec.rules[0].host': '*' },
        errors: ['spec.rules[0].host: Invalid value: "*": a wildcard DNS-1123 subdomain must start with…'],
      },
      { name: 'accepts resources behind a path', changes: { [`${path}.backend`]: bucket } },
      { name: 'accepts resources behind all else', changes: { 'spec.defaultBackend': bucket } },
      {
        name: 'refuses a path to nowhere, and one to two places',
        changes: {
          'spec.rules[0].http.paths': [
            { path: '/a', pathType: 'Exact' },
            { path: '/b', pathType: 'Exact', backend: { ...backend, ...bucket } },
          ],
        },
        errors: [
          'spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required',
          'spec.rules[0].http.paths[1].backend: Invalid value: "": cannot set both resource and service backends',
        ],
      },
      { name: 'accepts that nothing is said of TLS', changes: { 'spec.tls': [{}, { hosts: [] }] } },
      { name: 'accepts wildcards for TLS', changes: { 'spec.tls': [{ hosts: ['*.bar.com'], secretName: 'valid' }] } },
      {
        name: 'accepts a class by its annotation',
        changes: { 'metadata.annotations': { 'kubernetes.io/ingress.class': 'foo' } },
      },
      {
        name: 'accepts a class said twice in the same word',
        changes: { 'spec.ingressClassName': 'foo', 'metadata.annotations': { 'kubernetes.io/ingress.class': 'foo' } },
      },
      {
        name: 'accepts two words on the class in an update',
        update: { 'spec.ingressClassName': 'bar', 'metadata.annotations': { 'kubernetes.io/ingress.class': 'foo' } },
      },
      {
        name: 'refuses a secret that was none before and is none now',
        changes: { 'spec.tls': [{ secretName: 'valid' }] },
        update: { 'spec.tls': [{ secretName: 'invalid name' }] },
        errors: [`spec.tls[0].secretName: Invalid value: "invalid name": ${subdomain}`],
      },
      {
        name: 'refuses a rule under a wildcard that was good before',
        changes: { 'spec.rules[0].host': '*.foo.com' },
        update: read('Exact', 'foo'),
        errors: [`${path}.path: Invalid value: "foo": ${absolute}`],
      },
      { name: 'accepts another backend', update: { 'spec.defaultBackend': bucket } },
      {
        name: 'accepts addresses and names in a status',
        subresource: 'status',
        update: { [balancer]: { ingress: [{ ip: '127.0.0.2', hostname: 'foo.com' }] } },
      },
      {
        name: 'refuses addresses in a status that are none, and ones with zeros in front',
        subresource: 'status',
        update: { [balancer]: { ingress: [{ ip: 'abcd' }, { ip: '001.002.003.004' }] } },
        errors: [
          `${balancer}.ingress[0].ip: Invalid value: "abcd": ${badIp}`,
          `${balancer}.ingress[1].ip: Invalid value: "001.002.003.004": must not have leading 0s`,
        ],
      },
    ],
  },
  {
    resource: `networkpolicies.${group}`,
    valid: { metadata: { name: 'foo' }, spec: { podSelector: { matchLabels: { a: 'b' } } } },
    cases: [
      { name: 'accepts rules of nothing', changes: { 'spec.ingress': [{ from: [], ports: [] }] } },
      {
        name: 'accepts ports with and without numbers and protocols, both ways',
        changes: Object.fromEntries(
          ['ingress', 'egress'].map((way) => [
            `spec.${way}`,
            [
              {
                ports: [
                  { port: 80 },
                  { protocol: 'TCP' },
                  { protocol: 'UDP', port: 'dns' },
                  { protocol: 'SCTP', port: 7777 },
                  { protocol: 'TCP', port: 32_000, endPort: 32_768 },
                  { port: 32_000, endPort: 32_000 },
                ],
              },
            ],
          ]),
        ),
      },
      {
        name: 'refuses ranges that end before they begin, and beyond all ports',
        changes: {
          'spec.egress': [
            {
              ports: [
                { port: 32_000, endPort: 20_000 },
                { port: 1, endPort: 123_456 },
              ],
            },
          ],
        },
        errors: [
          'spec.egress[0].ports[0].endPort: Invalid value: 20000: must be greater than or equal to `port`',
          'spec.egress[0].ports[1].endPort: Invalid value: 123456: must be between 1 and 65535, inclusive',
        ],
      },
      {
        name: 'refuses ranges that begin nowhere, and with a name',
        changes: { 'spec.egress': [{ ports: [{ endPort: 32_768 }, { port: 'dns', endPort: 32_768 }] }] },
        errors: [
          'spec.egress[0].ports[0].endPort: Invalid value: 32768: may not be specified when `port` is not specified',
          'spec.egress[0].ports[1].endPort: Invalid value: 32768: may not be specified when `port` is non-numeric',
        ],
      },
      {
        name: 'refuses peers of no kind, both ways',
        changes: { 'spec.ingress': [{ from: [{}] }], 'spec.egress': [{ to: [{}] }] },
        errors: [
          'spec.ingress[0].from[0]: Required value: must specify a peer',
          'spec.egress[0].to[0]: Required value: must specify a peer',
        ],
      },
      {
        name: 'refuses a block without addresses, however many holes it has',
        changes: { 'spec.ingress': [{ from: [{ ipBlock: { except: ['192.168.8.0/24'] } }] }] },
        errors: ['spec.ingress[0].from[0].ipBlock.cidr: Required value'],
      },
      {
        name: 'refuses IPv6 without a length, and holes of no text',
        changes: {
          'spec.ingress': [
            {
              from: [
                { ipBlock: { cidr: 'fd00:192:168::' } },
                { ipBlock: { cidr: '192.168.8.0/24', except: ['', ' '] } },
              ],
            },
          ],
        },
        errors: [
          'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "fd00:192:168::": must be a valid CIDR value…',
          'spec.ingress[0].from[1].ipBlock.except[0]: Invalid value: "": must be a valid CIDR value…',
          'spec.ingress[0].from[1].ipBlock.except[1]: Invalid value: " ": must be a valid CIDR value…',
        ],
      },
      {
        name: 'refuses selectors that cannot be read, of pods and of namespaces',
        changes: {
          'spec.egress': [
            {
              to: [
                { podSelector: { matchLabels: { 'a=b': 'c' } }, namespaceSelector: { matchLabels: { 'a=b': 'c' } } },
              ],
            },
          ],
        },
        errors: [
          'spec.egress[0].to[0].podSelector.matchLabels: Invalid value: "a=b": name part must consist…',
          'spec.egress[0].to[0].namespaceSelector.matchLabels: Invalid value: "a=b": name part must consist…',
        ],
      },
      {
        name: 'refuses kinds of traffic that are none',
        changes: { 'spec.policyTypes': ['foo', 'bar'] },
        errors: [
          'spec.policyTypes[0]: Unsupported value: "foo": supported values: "Ingress", "Egress"',
          'spec.policyTypes[1]: Unsupported value: "bar": supported values: "Ingress", "Egress"',
        ],
      },
    ],
  },
  {
    resource: `ipaddresses.${group}`,
    valid: {
      metadata: { name: '192.168.1.1' },
      spec: { parentRef: { resource: 'services', name: 'foo', namespace: 'bar' } },
    },
    cases: [
      {
        name: 'accepts a parent in another group',
        changes: { 'spec.parentRef.group': 'gateway.networking.k8s.io', 'spec.parentRef.resource': 'gateway' },
      },
      {
        name: 'refuses a bad name and no parent at once',
        changes: { 'metadata.name': 'test-name', spec: {} },
        errors: [`metadata.name: Invalid value: "test-name": ${badIp}`, 'spec.parentRef: Required value'],
      },
      {
        name: 'refuses a name that a path cannot hold',
        changes: { 'spec.parentRef.name': 'foo$%&' },
        errors: [`spec.parentRef.name: Invalid value: "foo$%&": may not contain '%'`],
      },
      {
        name: 'refuses to lose its parent',
        update: { spec: {} },
        errors: ['spec.parentRef: Invalid value: null: field is immutable'],
      },
    ],
  },
  {
    resource: `servicecidrs.${group}`,
    valid: { metadata: { name: 'test-name' }, spec: { cidrs: ['10.1.0.0/16'] } },
    cases: [
      { name: 'accepts IPv6 alone', changes: { 'spec.cidrs': ['fd00:1234::/64'] } },
      {
        name: 'refuses addresses with more bits than the network',
        changes: { 'spec.cidrs': ['192.168.0.1/24', 'fd00:1234::2/64'] },
        errors: [
          'spec.cidrs[0]: Invalid value: "192.168.0.1/24": must not have bits set beyond the prefix length',
          'spec.cidrs[1]: Invalid value: "fd00:1234::2/64": must not have bits set beyond the prefix length',
        ],
      },
      {
        name: 'refuses IPv6 in capitals',
        changes: { 'spec.cidrs': ['192.168.0.0/24', 'FD00:1234::/64'] },
        errors: ['spec.cidrs[1]: Invalid value: "FD00:1234::/64": must be in canonical form ("fd00:1234::/64")'],
      },
      {
        name: 'refuses one more of the same family, and another first one',
        update: { 'spec.cidrs': ['10.2.0.0/16', '10.3.0.0/16'] },
        errors: [
          'spec.cidrs[0]: Invalid value: "10.2.0.0/16": field is immutable',
          'spec.cidrs: Invalid value: ["10.2.0.0/16","10.3.0.0/16"]: may specify no more than one IP…',
        ],
      },
      {
        name: 'refuses to give all back',
        update: { 'spec.cidrs': [] },
        errors: ['spec.cidrs: Invalid value: []: field is immutable'],
      },
    ],
  },
]);
