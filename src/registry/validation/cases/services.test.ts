/** Services: their ports, addresses, traffic, and what an update may change. */
import { make } from '../../testing.ts';
import { testCases, type ValidationCase } from './testing.ts';

const badIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const badCidr = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
const label = 'a lowercase RFC 1123 label must consist…';
const onlyBalancer = "may only be used when `type` is 'LoadBalancer'";
const port = 'spec.ports[0]';
const balancer = { 'spec.type': 'LoadBalancer' } as const;

const ports: ValidationCase[] = [
  { name: 'accepts a name that begins with a digit', changes: { 'metadata.name': '1web' } },
  {
    name: 'refuses a name with dots',
    changes: { 'metadata.name': 'a.b' },
    errors: ['metadata.name: Invalid value: "a.b": must not contain dots'],
  },
  { name: 'refuses a service without ports', changes: { 'spec.ports': [] }, errors: ['spec.ports: Required value'] },
  { name: 'accepts a headless one without ports', changes: { 'spec.ports': [], 'spec.clusterIP': 'None' } },
  {
    name: 'refuses ports without names where there are several',
    changes: { 'spec.ports': [{ port: 1 }, { port: 2, name: 'b' }] },
    errors: [`${port}.name: Required value`],
  },
  {
    name: 'refuses names that are none or stand twice',
    changes: {
      'spec.ports': [
        { port: 1, name: 'A' },
        { port: 2, name: 'b' },
        { port: 3, name: 'b' },
      ],
    },
    errors: [`${port}.name: Invalid value: "A": ${label}`, 'spec.ports[2].name: Duplicate value: "b"'],
  },
  ...([0, 65_536, -1] as const).map((number) => ({
    name: `refuses the port ${number}`,
    changes: { [port]: { port: number, targetPort: 80 } },
    errors: [`${port}.port: Invalid value: ${number}: must be between 1 and 65535, inclusive`],
  })),
  {
    name: 'refuses a protocol that it does not know',
    changes: { [`${port}.protocol`]: 'ICMP' },
    errors: [`${port}.protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"`],
  },
  {
    name: 'refuses a target that is none',
    changes: { [`${port}.targetPort`]: 'one--two' },
    errors: [`${port}.targetPort: Invalid value: "one--two": must not contain consecutive hyphens`],
  },
  {
    name: 'refuses an application protocol that is none',
    changes: { [`${port}.appProtocol`]: 'a b' },
    errors: [`${port}.appProtocol: Invalid value: "a b": name part must consist…`],
  },
  {
    name: 'accepts one number for two protocols',
    changes: {
      'spec.ports': [
        { name: 'a', port: 53, protocol: 'TCP' },
        { name: 'b', port: 53, protocol: 'UDP' },
      ],
    },
  },
  {
    name: 'refuses one number twice',
    changes: {
      'spec.ports': [
        { name: 'a', port: 53 },
        { name: 'b', port: 53 },
      ],
    },
    errors: [
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":53,"TargetPort":0,"NodePort":0}',
    ],
  },
  {
    name: 'refuses a node port where there are none',
    changes: { [`${port}.nodePort`]: 30_500 },
    errors: [`${port}.nodePort: Forbidden: may not be used when \`type\` is 'ClusterIP'`],
  },
  {
    name: 'refuses a node port twice',
    changes: {
      'spec.type': 'NodePort',
      'spec.ports': [
        { name: 'a', port: 1, nodePort: 30_500 },
        { name: 'b', port: 2, nodePort: 30_500 },
      ],
    },
    errors: ['spec.ports[1].nodePort: Duplicate value: 30500'],
  },
  {
    name: 'refuses a node port out of range',
    changes: { 'spec.type': 'NodePort', [`${port}.nodePort`]: 80 },
    errors: [
      `${port}.nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767`,
    ],
  },
  {
    name: 'refuses a selector that is none',
    changes: { 'spec.selector': { 'a b': 'c' } },
    errors: ['spec.selector: Invalid value: "a b": name part must consist…'],
  },
];

const seconds = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';

const affinity: ValidationCase[] = [
  {
    name: 'refuses an affinity that it does not know',
    changes: { 'spec.sessionAffinity': 'Cookie' },
    errors: ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
  },
  { name: 'accepts a day', changes: { 'spec.sessionAffinity': 'ClientIP', [seconds]: 86_400 } },
  ...([0, 86_401] as const).map((value) => ({
    name: `refuses ${value} seconds`,
    changes: { 'spec.sessionAffinity': 'ClientIP', [seconds]: value },
    errors: [`${seconds}: Invalid value: ${value}: must be greater than 0 and less than 86400`],
  })),
];

const addresses: ValidationCase[] = [
  {
    name: 'refuses an address that is none',
    changes: { 'spec.clusterIP': '1.2.3' },
    errors: [`spec.clusterIPs[0]: Invalid value: "1.2.3": ${badIp}`],
  },
  {
    name: 'refuses an address with leading zeros',
    changes: { 'spec.clusterIP': '010.43.0.9' },
    errors: ['spec.clusterIPs[0]: Invalid value: "010.43.0.9": must not have leading 0s'],
  },
  {
    name: 'refuses an IPv4 address in the clothes of IPv6',
    changes: { 'spec.clusterIP': '::ffff:10.43.0.9' },
    errors: ['spec.clusterIPs[0]: Invalid value: "::ffff:10.43.0.9": must not be an IPv4-mapped IPv6 address'],
  },
  {
    name: 'refuses an address that is not the cluster’s',
    changes: { 'spec.clusterIP': '1.2.3.4' },
    errors: [
      'spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided network does not match the current range',
    ],
  },
  {
    name: 'refuses two first addresses',
    changes: { 'spec.clusterIP': '10.43.0.9', 'spec.clusterIPs': ['10.43.0.8'] },
    errors: ['spec.clusterIPs: Invalid value: ["10.43.0.8"]: first value must match `clusterIP`'],
  },
  {
    name: 'refuses the plural alone',
    changes: { 'spec.clusterIPs': ['10.43.0.9'] },
    errors: ['spec.clusterIPs: Invalid value: ["10.43.0.9"]: must be empty when `clusterIP` is not specified'],
  },
  {
    name: 'refuses an address beside none',
    changes: { 'spec.clusterIP': 'None', 'spec.clusterIPs': ['None', '10.43.0.9'] },
    errors: [`spec.clusterIPs: Invalid value: ["None","10.43.0.9"]: 'None' must be the first and only value`],
  },
  {
    name: 'refuses three addresses',
    changes: { 'spec.clusterIP': '10.43.0.9', 'spec.clusterIPs': ['10.43.0.9', 'fd00::1', '10.43.0.8'] },
    errors: ['spec.clusterIPs: Invalid value: ["10.43.0.9","fd00::1","10.43.0.8"]: may only hold up to 2 values'],
  },
  {
    name: 'refuses two addresses of one family',
    changes: { 'spec.clusterIP': '10.43.0.9', 'spec.clusterIPs': ['10.43.0.9', '10.43.0.8'] },
    errors: [
      'spec.clusterIPs: Invalid value: ["10.43.0.9","10.43.0.8"]: may specify no more than one IP for each IP family',
    ],
  },
  {
    name: 'refuses an address that is not of its family',
    changes: { 'spec.clusterIP': '10.43.0.9', 'spec.ipFamilies': ['IPv6'] },
    errors: ['spec.clusterIPs[0]: Invalid value: "10.43.0.9": expected an IPv6 value as indicated by `ipFamilies[0]`'],
  },
  {
    name: 'refuses families that are none or stand twice',
    changes: { 'spec.ipFamilies': ['IPv5', 'IPv4', 'IPv4'], 'spec.ipFamilyPolicy': 'Both' },
    errors: [
      'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
      'spec.ipFamilies[2]: Duplicate value: "IPv4"',
      'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
    ],
  },
  {
    name: 'refuses two families where the cluster has one',
    changes: { 'spec.ipFamilyPolicy': 'RequireDualStack' },
    errors: [
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    ],
  },
  { name: 'accepts to take what there is', changes: { 'spec.ipFamilyPolicy': 'PreferDualStack' } },
  {
    name: 'refuses the family that the cluster has not',
    changes: { 'spec.ipFamilies': ['IPv6'] },
    errors: ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
  },
  {
    name: 'accepts any family without addresses and pods',
    changes: { 'spec.clusterIP': 'None', 'spec.selector': undefined, 'spec.ipFamilies': ['IPv6'] },
  },
  ...(['NodePort', 'LoadBalancer'] as const).map((type) => ({
    name: `refuses a ${type} without an address`,
    changes: { 'spec.type': type, 'spec.clusterIP': 'None' },
    errors: [`spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for ${type} services`],
  })),
  {
    name: 'refuses external addresses that are none, or nobody else’s',
    changes: { 'spec.externalIPs': ['myhost.mydomain', '127.0.0.1', '0.0.0.0', '1.2.3.4'] },
    errors: [
      `spec.externalIPs[0]: Invalid value: "myhost.mydomain": ${badIp}`,
      'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'spec.externalIPs[2]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
    ],
  },
];

const external: ValidationCase[] = [
  {
    name: 'refuses a type that it does not know',
    changes: { 'spec.type': 'Cloud' },
    errors: [
      'spec.type: Unsupported value: "Cloud": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  },
  { name: 'accepts a name elsewhere', changes: { spec: { type: 'ExternalName', externalName: 'a.example.' } } },
  {
    name: 'refuses no name',
    changes: { spec: { type: 'ExternalName' } },
    errors: ['spec.externalName: Required value'],
  },
  {
    name: 'refuses a name that is none, and addresses beside it',
    changes: {
      spec: {
        type: 'ExternalName',
        externalName: '-a',
        clusterIP: 'None',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
      },
    },
    errors: [
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services',
      'spec.externalName: Invalid value: "-a": a lowercase RFC 1123 subdomain must consist…',
    ],
  },
];

const rangesKey = 'service.beta.kubernetes.io/load-balancer-source-ranges';

const traffic: ValidationCase[] = [
  {
    name: 'accepts ranges with spaces about them',
    changes: { ...balancer, 'spec.loadBalancerSourceRanges': [' 1.2.3.0/24 '] },
  },
  {
    name: 'refuses ranges that are none, and of a service that has no balancer',
    changes: { 'spec.loadBalancerSourceRanges': ['foo', '1.2.3.4/24'] },
    errors: [
      `spec.LoadBalancerSourceRanges: Forbidden: ${onlyBalancer}`,
      `spec.LoadBalancerSourceRanges[0]: Invalid value: "foo": ${badCidr}`,
      'spec.LoadBalancerSourceRanges[1]: Invalid value: "1.2.3.4/24": must not have bits set beyond the prefix length',
    ],
  },
  {
    name: 'refuses the same as an annotation',
    changes: { 'metadata.annotations': { [rangesKey]: '1.2.3.0/24, foo' } },
    errors: [
      `metadata.annotations[${rangesKey}]: Forbidden: ${onlyBalancer}`,
      `metadata.annotations[${rangesKey}]: Invalid value: "foo": ${badCidr}`,
    ],
  },
  {
    name: 'refuses what only a balancer has',
    changes: { 'spec.allocateLoadBalancerNodePorts': true, 'spec.loadBalancerClass': 'a/b' },
    errors: [
      `spec.allocateLoadBalancerNodePorts: Forbidden: ${onlyBalancer}`,
      `spec.loadBalancerClass: Forbidden: ${onlyBalancer}`,
    ],
  },
  {
    name: 'refuses a class of balancers that is none',
    changes: { ...balancer, 'spec.loadBalancerClass': 'Bad/LoadBalancerClass' },
    errors: ['spec.loadBalancerClass: Invalid value: "Bad/LoadBalancerClass": prefix part a lowercase RFC 1123…'],
  },
  {
    name: 'refuses a policy for traffic that does not come',
    changes: { 'spec.externalTrafficPolicy': 'Local' },
    errors: ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
  },
  {
    name: 'refuses policies that it does not know',
    changes: { ...balancer, 'spec.externalTrafficPolicy': 'Near', 'spec.internalTrafficPolicy': 'Far' },
    errors: [
      'spec.externalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"',
      'spec.internalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"',
    ],
  },
  {
    name: 'refuses a port for health where nobody asks for it',
    changes: { ...balancer, 'spec.healthCheckNodePort': 34_567 },
    errors: [
      "spec.healthCheckNodePort: Invalid value: 34567: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  },
  {
    name: 'refuses one that is none',
    changes: { ...balancer, 'spec.externalTrafficPolicy': 'Local', 'spec.healthCheckNodePort': 65_536 },
    errors: ['spec.healthCheckNodePort: Invalid value: 65536: must be between 1 and 65535, inclusive'],
  },
  ...(['PreferClose', 'PreferSameZone', 'PreferSameNode'] as const).map((value) => ({
    name: `accepts traffic by ${value}`,
    changes: { 'spec.trafficDistribution': value },
  })),
  {
    name: 'refuses another way for traffic',
    changes: { 'spec.trafficDistribution': 'Random' },
    errors: [
      'spec.trafficDistribution: Unsupported value: "Random": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
  },
  {
    name: 'refuses two words on topology',
    changes: {
      'metadata.annotations': {
        'service.kubernetes.io/topology-aware-hints': 'Auto',
        'service.kubernetes.io/topology-mode': 'Disabled',
      },
    },
    errors: [
      'metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "Disabled": must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified',
    ],
  },
];

const updates: ValidationCase[] = [
  {
    name: 'refuses another address',
    changes: { 'spec.clusterIP': '10.43.0.9' },
    update: { 'spec.clusterIP': '10.43.0.10' },
    errors: ['spec.clusterIPs[0]: Invalid value: ["10.43.0.10"]: may not change once set'],
  },
  {
    name: 'refuses to give the address back',
    update: { 'spec.clusterIP': 'None', 'spec.clusterIPs': ['None'] },
    errors: ['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
  },
  { name: 'accepts to say nothing of it', update: { 'spec.clusterIP': undefined, 'spec.clusterIPs': undefined } },
  {
    name: 'refuses another family',
    update: { 'spec.ipFamilies': ['IPv6'] },
    errors: ['spec.clusterIPs[0]: Invalid value: "10.43.…'],
  },
  {
    name: 'refuses another class of balancers',
    changes: { ...balancer, 'spec.loadBalancerClass': 'a.b/c' },
    update: { 'spec.loadBalancerClass': 'a.b/d' },
    errors: ['spec.loadBalancerClass: Invalid value: "a.b/d": may not change once set'],
  },
  {
    name: 'refuses another port for health',
    changes: { ...balancer, 'spec.externalTrafficPolicy': 'Local', 'spec.healthCheckNodePort': 31_000 },
    update: { 'spec.healthCheckNodePort': 31_001 },
    errors: ['spec.healthCheckNodePort: Forbidden: field is immutable'],
  },
  {
    name: 'accepts another type, and forgets what only the old one had',
    changes: { ...balancer, 'spec.loadBalancerClass': 'a.b/c', 'spec.externalTrafficPolicy': 'Local' },
    update: { 'spec.type': 'ClusterIP' },
  },
  {
    name: 'accepts a name elsewhere',
    update: { 'spec.type': 'ExternalName', 'spec.externalName': 'a.example' },
  },
  { name: 'accepts another port', update: { [`${port}.port`]: 81, 'spec.selector': { app: 'api' } } },
  {
    name: 'refuses a status of a service that has no balancer',
    subresource: 'status',
    update: { status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } } },
    errors: ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
  },
  {
    name: 'refuses a status whose addresses are none',
    changes: balancer,
    subresource: 'status',
    update: {
      status: {
        loadBalancer: {
          ingress: [
            { ip: 'a', ipMode: 'Odd' },
            { hostname: '1.2.3.4', ipMode: 'VIP' },
          ],
        },
      },
    },
    errors: [
      `status.loadBalancer.ingress[0].ip: Invalid value: "a": ${badIp}`,
      'status.loadBalancer.ingress[0].ipMode: Unsupported value: "Odd": supported values: "Proxy", "VIP"',
      'status.loadBalancer.ingress[1].ipMode: Forbidden: may not be specified when `ip` is not set',
      'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ],
  },
];

testCases([
  {
    resource: 'services',
    valid: make.service(),
    cases: [...ports, ...affinity, ...addresses, ...external, ...traffic, ...updates],
  },
]);
