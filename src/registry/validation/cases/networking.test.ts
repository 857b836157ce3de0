/** NetworkPolicies, Ingresses and their classes, IPAddresses and ServiceCIDRs. */
import type { JsonObject } from '../../../api/object.ts';
import { type CaseTable, testCases } from './testing.ts';

const badCidr = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
const badIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const subdomain = 'a lowercase RFC 1123 subdomain must consist…';
const label = 'a lowercase RFC 1123 label must consist…';

const rule = 'spec.ingress[0]';
const block = 'spec.egress[0].to[0].ipBlock';

const policies: CaseTable = {
  resource: 'networkpolicies.networking.k8s.io',
  valid: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'web' },
    spec: {
      podSelector: {},
      ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }],
      egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }],
    },
  },
  cases: [
    {
      name: 'accepts named ports and ranges',
      changes: { [`${rule}.ports`]: [{ port: 'http' }, { port: 80, endPort: 90 }] },
    },
    {
      name: 'refuses a protocol that it does not know',
      changes: { [`${rule}.ports`]: [{ protocol: 'ICMP', port: 1 }] },
      errors: [`${rule}.ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"`],
    },
    {
      name: 'refuses ports that are none',
      changes: { [`${rule}.ports`]: [{ port: 0 }, { port: '!' }, { port: 123456 }] },
      errors: [
        `${rule}.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive`,
        `${rule}.ports[1].port: Invalid value: "!": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
        `${rule}.ports[1].port: Invalid value: "!": must contain at least one letter (a-z)`,
        `${rule}.ports[2].port: Invalid value: 123456: must be between 1 and 65535, inclusive`,
      ],
    },
    {
      name: 'refuses ranges that end before they begin, or never began',
      changes: { [`${rule}.ports`]: [{ port: 90, endPort: 80 }, { endPort: 80 }, { port: 'http', endPort: 80 }] },
      errors: [
        `${rule}.ports[0].endPort: Invalid value: 80: must be greater than or equal to \`port\``,
        `${rule}.ports[1].endPort: Invalid value: 80: may not be specified when \`port\` is not specified`,
        `${rule}.ports[2].endPort: Invalid value: 80: may not be specified when \`port\` is non-numeric`,
      ],
    },
    {
      name: 'refuses a peer that is nobody',
      changes: { [`${rule}.from`]: [{}] },
      errors: [`${rule}.from[0]: Required value: must specify a peer`],
    },
    {
      name: 'refuses addresses and pods in one peer',
      changes: { [`${rule}.from`]: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] },
      errors: [`${rule}.from[0]: Forbidden: may not specify both ipBlock and another peer`],
    },
    { name: 'accepts pods of namespaces', changes: { [`${rule}.from`]: [{ podSelector: {}, namespaceSelector: {} }] } },
    {
      name: 'refuses a block without addresses',
      changes: { [block]: { cidr: '' } },
      errors: [`${block}.cidr: Required value`],
    },
    {
      name: 'refuses a block that is none',
      changes: { [block]: { cidr: '10.0.0.0' } },
      errors: [`${block}.cidr: Invalid value: "10.0.0.0": ${badCidr}`],
    },
    {
      name: 'refuses blocks that can be read in two ways',
      changes: {
        'spec.egress[0].to': ['010.0.0.0/8', '::ffff:10.0.0.0/104', '10.1.2.3/8'].map((cidr) => ({
          ipBlock: { cidr },
        })),
      },
      errors: [
        'spec.egress[0].to[0].ipBlock.cidr: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length',
        'spec.egress[0].to[1].ipBlock.cidr: Invalid value: "::ffff:10.0.0.0/104": must not have an IPv4-mapped IPv6 address',
        'spec.egress[0].to[2].ipBlock.cidr: Invalid value: "10.1.2.3/8": must not have bits set beyond the prefix length',
      ],
    },
    {
      name: 'refuses holes that are not within',
      changes: { [`${block}.except`]: ['11.0.0.0/16', '10.0.0.0/8', 'x', 'fd00::/16'] },
      errors: [
        `${block}.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of \`cidr\``,
        `${block}.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of \`cidr\``,
        `${block}.except[2]: Invalid value: "x": ${badCidr}`,
        `${block}.except[3]: Invalid value: "fd00::/16": must be a strict subset of \`cidr\``,
      ],
    },
    { name: 'accepts IPv6', changes: { [block]: { cidr: 'fd00::/8', except: ['fd00:1::/32'] } } },
    {
      name: 'refuses a kind of traffic that it does not know',
      changes: { 'spec.policyTypes': ['Ingress', 'Sideways'] },
      errors: ['spec.policyTypes[1]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"'],
    },
    {
      name: 'refuses more kinds than there are',
      changes: { 'spec.policyTypes': ['Ingress', 'Egress', 'Ingress'] },
      errors: [
        'spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes',
      ],
    },
    {
      name: 'refuses a selector that cannot be read',
      changes: { 'spec.podSelector': { matchLabels: { 'a b': 'c' } } },
      errors: ['spec.podSelector.matchLabels: Invalid value: "a b": name part must consist…'],
    },
    { name: 'accepts another rule', update: { 'spec.ingress': [{}] } },
  ],
};

const backend = { service: { name: 'web', port: { number: 80 } } };
const path = 'spec.rules[0].http.paths[0]';
const at = (changes: JsonObject): JsonObject => ({ path: '/', pathType: 'Prefix', backend, ...changes });

const ingresses: CaseTable = {
  resource: 'ingresses.networking.k8s.io',
  valid: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web' },
    spec: { rules: [{ host: 'web.example.com', http: { paths: [at({})] } }] },
  },
  cases: [
    {
      name: 'refuses an ingress to nowhere',
      changes: { spec: {} },
      errors: ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
    },
    { name: 'accepts a default alone', changes: { spec: { defaultBackend: backend } } },
    {
      name: 'accepts a service whose name begins with a digit',
      changes: { spec: { defaultBackend: { service: { name: '1web', port: { name: 'http' } } } } },
    },
    {
      name: 'refuses a backend that is none',
      changes: { 'spec.defaultBackend': {} },
      errors: ['spec.defaultBackend: Invalid value: "": resource or service backend is required'],
    },
    {
      name: 'refuses two backends in one',
      changes: { 'spec.defaultBackend': { ...backend, resource: { kind: 'Bucket', name: 'b' } } },
      errors: ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
    },
    {
      name: 'refuses a service without name and port',
      changes: { 'spec.defaultBackend': { service: {} } },
      errors: [
        'spec.defaultBackend.service.name: Required value',
        'spec.defaultBackend: Required value: port name or number is required',
      ],
    },
    {
      name: 'refuses a port by name and by number',
      changes: { 'spec.defaultBackend': { service: { name: 'web', port: { name: 'http', number: 80 } } } },
      errors: ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
    },
    {
      name: 'refuses ports that are none',
      changes: {
        'spec.defaultBackend': { service: { name: 'a_b', port: { number: 70_000 } } },
      },
      errors: [
        `spec.defaultBackend.service.name: Invalid value: "a_b": ${label}`,
        'spec.defaultBackend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive',
      ],
    },
    {
      name: 'refuses a resource without kind and name',
      changes: { 'spec.defaultBackend': { resource: { apiGroup: 'A', kind: '' } } },
      errors: [
        `spec.defaultBackend.resource.apiGroup: Invalid value: "A": ${subdomain}`,
        'spec.defaultBackend.resource.kind: Required value',
        'spec.defaultBackend.resource.name: Required value',
      ],
    },
    {
      name: 'refuses an address as a host',
      changes: { 'spec.rules[0].host': '127.0.0.1' },
      errors: ['spec.rules[0].host: Invalid value: "127.0.0.1": must be a DNS name, not an IP address'],
    },
    {
      name: 'refuses a host with a port',
      changes: { 'spec.rules[0].host': 'web:80' },
      errors: [`spec.rules[0].host: Invalid value: "web:80": ${subdomain}`],
    },
    { name: 'accepts a wildcard in front', changes: { 'spec.rules[0].host': '*.example.com' } },
    {
      name: 'refuses a wildcard elsewhere',
      changes: { 'spec.rules[0].host': 'web.*.com' },
      errors: ['spec.rules[0].host: Invalid value: "web.*.com": a wildcard DNS-1123 subdomain must start with…'],
    },
    {
      name: 'refuses a rule without paths',
      changes: { 'spec.rules[0].http.paths': [] },
      errors: ['spec.rules[0].http.paths: Required value'],
    },
    {
      name: 'refuses a path that does not say how it is meant',
      changes: { [path]: { path: '/', backend } },
      errors: [`${path}.pathType: Required value: pathType must be specified`],
    },
    {
      name: 'refuses a way to read paths that it does not know',
      changes: { [path]: at({ pathType: 'Regex' }) },
      errors: [
        `${path}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
      ],
    },
    {
      name: 'accepts anything that begins with a slash, where the implementation reads it',
      changes: { [path]: at({ path: '/a//b', pathType: 'ImplementationSpecific' }) },
    },
    {
      name: 'refuses a path that does not begin at the root',
      changes: { [path]: at({ path: 'a', pathType: 'ImplementationSpecific' }) },
      errors: [`${path}.path: Invalid value: "a": must be an absolute path`],
    },
    {
      name: 'refuses paths that programs read in several ways',
      changes: { [path]: at({ path: '/a//b/./c%2fd/..' }) },
      errors: [
        "must not contain '//'",
        "must not contain '/./'",
        "must not contain '%2f'",
        "cannot end with '/..'",
      ].map((why) => `${path}.path: Invalid value: "/a//b/./c%2fd/..": ${why}`),
    },
    {
      name: 'refuses hosts and secrets of TLS that are none',
      changes: { 'spec.tls': [{ hosts: ['*', 'A'], secretName: 'a_b' }] },
      errors: [
        'spec.tls[0].hosts[0]: Invalid value: "*": a wildcard DNS-1123 subdomain must start with…',
        `spec.tls[0].hosts[1]: Invalid value: "A": ${subdomain}`,
        `spec.tls[0].secretName: Invalid value: "a_b": ${subdomain}`,
      ],
    },
    {
      name: 'refuses a class that is none',
      changes: { 'spec.ingressClassName': 'a_b' },
      errors: [`spec.ingressClassName: Invalid value: "a_b": ${subdomain}`],
    },
    {
      name: 'refuses two words on the class',
      changes: { 'spec.ingressClassName': 'a', 'metadata.annotations': { 'kubernetes.io/ingress.class': 'b' } },
      errors: [
        'annotations.kubernetes.io/ingress.class: Invalid value: "b": must match `ingressClassName` when both are specified',
      ],
    },
    {
      name: 'refuses a status whose address and name are none',
      subresource: 'status',
      update: { 'status.loadBalancer': { ingress: [{ ip: '1.2.3' }, { hostname: '1.2.3.4' }] } },
      errors: [
        `status.loadBalancer.ingress[0].ip: Invalid value: "1.2.3": ${badIp}`,
        'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
      ],
    },
  ],
};

const parameters = 'spec.parameters';

const classes: CaseTable = {
  resource: 'ingressclasses.networking.k8s.io',
  valid: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'web' },
    spec: { controller: 'example.com/proxy' },
  },
  cases: [
    {
      name: 'refuses a class without a controller',
      changes: { spec: {} },
      errors: ['spec.controller: Required value'],
    },
    {
      name: 'refuses a controller without a domain',
      changes: { 'spec.controller': 'proxy' },
      errors: ['spec.controller: Invalid value: "proxy": must be a domain-prefixed path (such as "acme.io/foo")'],
    },
    {
      name: 'refuses a controller whose path is none',
      changes: { 'spec.controller': 'example.com/a b' },
      errors: ['spec.controller: Invalid value: "a b": Invalid path (regex used for validation is…'],
    },
    {
      name: 'refuses a controller with too long a name',
      changes: { 'spec.controller': `example.com/${'a'.repeat(250)}` },
      errors: ['spec.controller: Too long: may not be more than 250 bytes'],
    },
    { name: 'accepts parameters of the whole cluster', changes: { [parameters]: { kind: 'K', name: 'n' } } },
    {
      name: 'refuses parameters without kind and name',
      changes: { [parameters]: { apiGroup: 'A' } },
      errors: [
        `${parameters}.apiGroup: Invalid value: "A": ${subdomain}`,
        `${parameters}.kind: Required value`,
        `${parameters}.name: Required value`,
      ],
    },
    {
      name: 'refuses a scope that it does not know',
      changes: { [parameters]: { kind: 'K', name: 'n', scope: 'Galaxy' } },
      errors: [`${parameters}.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespace"`],
    },
    {
      name: 'wants the namespace of parameters that are in one',
      changes: { [parameters]: { kind: 'K', name: 'n', scope: 'Namespace' } },
      errors: [`${parameters}.namespace: Required value: \`parameters.scope\` is set to 'Namespace'`],
    },
    {
      name: 'refuses a namespace of parameters that are in none',
      changes: { [parameters]: { kind: 'K', name: 'n', scope: 'Cluster', namespace: 'a' } },
      errors: [`${parameters}.namespace: Forbidden: \`parameters.scope\` is set to 'Cluster'`],
    },
    {
      name: 'refuses another controller',
      update: { 'spec.controller': 'example.com/other' },
      errors: ['spec.controller: Invalid value: "example.com/other": field is immutable'],
    },
  ],
};

const parent = 'spec.parentRef';

const addresses: CaseTable = {
  resource: 'ipaddresses.networking.k8s.io',
  valid: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: { name: '192.168.1.1' },
    spec: { parentRef: { resource: 'services', namespace: 'default', name: 'web' } },
  },
  cases: [
    { name: 'accepts IPv6', changes: { 'metadata.name': '2001:db8::1' } },
    {
      name: 'refuses a name that is no address',
      changes: { 'metadata.name': 'web' },
      errors: [`metadata.name: Invalid value: "web": ${badIp}`],
    },
    {
      name: 'refuses an address that is not written as it is printed',
      changes: { 'metadata.name': '2001:0db8::0001' },
      errors: ['metadata.name: Invalid value: "2001:0db8::0001": must be in canonical form ("2001:db8::1")'],
    },
    { name: 'refuses an address of nobody', changes: { spec: {} }, errors: [`${parent}: Required value`] },
    {
      name: 'refuses a parent without resource and name',
      changes: { [parent]: { group: 'A', namespace: 'a/b' } },
      errors: [
        `${parent}.group: Invalid value: "A": ${subdomain}`,
        `${parent}.resource: Required value`,
        `${parent}.name: Required value`,
        `${parent}.namespace: Invalid value: "a/b": may not contain '/'`,
      ],
    },
    {
      name: 'refuses another parent',
      update: { [`${parent}.name`]: 'other' },
      errors: [
        `${parent}: Invalid value: {"resource":"services","namespace":"default","name":"other"}: field is immutable`,
      ],
    },
  ],
};

const cidrs: CaseTable = {
  resource: 'servicecidrs.networking.k8s.io',
  valid: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'more' },
    spec: { cidrs: ['192.168.0.0/24'] },
  },
  cases: [
    { name: 'accepts one of each family', changes: { 'spec.cidrs': ['192.168.0.0/24', '2001:db8::/64'] } },
    {
      name: 'refuses none',
      changes: { 'spec.cidrs': [] },
      errors: ['spec.cidrs: Required value: at least one CIDR required'],
    },
    {
      name: 'refuses two of one family',
      changes: { 'spec.cidrs': ['192.168.0.0/24', '192.168.1.0/24'] },
      errors: [
        'spec.cidrs: Invalid value: ["192.168.0.0/24","192.168.1.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ],
    },
    {
      name: 'refuses three',
      changes: { 'spec.cidrs': ['a', 'b', 'c'] },
      errors: ['spec.cidrs: Invalid value: {"cidrs":["a","b","c"]}: may only hold up to 2 values'],
    },
    {
      name: 'refuses one that is none, and one that is not written as it is printed',
      changes: { 'spec.cidrs': ['192.168.0.0', '2001:DB8::/64'] },
      errors: [
        `spec.cidrs[0]: Invalid value: "192.168.0.0": ${badCidr}`,
        'spec.cidrs[1]: Invalid value: "2001:DB8::/64": must be in canonical form ("2001:db8::/64")',
      ],
    },
    {
      name: 'refuses another one',
      update: { 'spec.cidrs': ['192.168.9.0/24'] },
      errors: ['spec.cidrs[0]: Invalid value: "192.168.9.0/24": field is immutable'],
    },
    { name: 'accepts one more, of the other family', update: { 'spec.cidrs': ['192.168.0.0/24', '2001:db8::/64'] } },
    {
      name: 'refuses to give one back',
      changes: { 'spec.cidrs': ['192.168.0.0/24', '2001:db8::/64'] },
      update: { 'spec.cidrs': ['192.168.0.0/24'] },
      errors: ['spec.cidrs: Invalid value: ["192.168.0.0/24"]: field is immutable'],
    },
  ],
};

testCases([policies, ingresses, classes, addresses, cidrs]);
