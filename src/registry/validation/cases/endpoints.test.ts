/** Endpoints and EndpointSlices. */
import { type CaseTable, testCases } from './testing.ts';

const badIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const subdomain = 'a lowercase RFC 1123 subdomain must consist…';
const label = 'a lowercase RFC 1123 label must consist…';

const subset = 'subsets[0]';

const endpoints: CaseTable = {
  resource: 'endpoints',
  valid: {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'web' },
    subsets: [{ addresses: [{ ip: '10.10.1.1' }], ports: [{ name: 'a', port: 8675, protocol: 'TCP' }] }],
  },
  cases: [
    { name: 'accepts none', changes: { subsets: [] } },
    { name: 'accepts addresses without ports', changes: { [`${subset}.ports`]: undefined } },
    {
      name: 'refuses a subset without addresses',
      changes: { [`${subset}.addresses`]: [] },
      errors: [`${subset}: Required value: must specify \`addresses\` or \`notReadyAddresses\``],
    },
    {
      name: 'refuses an address that is none',
      changes: { [`${subset}.addresses`]: [{ ip: 'localhost' }] },
      errors: [
        `${subset}.addresses[0].ip: Invalid value: "localhost": ${badIp}`,
        `${subset}.addresses[0].ip: Invalid value: "localhost": must be a valid IP address`,
      ],
    },
    ...(
      [
        ['127.0.0.1', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
        ['169.254.169.254', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
        ['fe80::9', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
        ['224.0.0.1', 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
        ['0.0.0.0', 'may not be unspecified (0.0.0.0)'],
      ] as const
    ).map(([ip, why]) => ({
      name: `refuses the address ${ip}`,
      changes: { [`${subset}.notReadyAddresses`]: [{ ip }] },
      errors: [`${subset}.notReadyAddresses[0].ip: Invalid value: "${ip}": ${why}`],
    })),
    {
      name: 'refuses names that are none',
      changes: { [`${subset}.addresses`]: [{ ip: '10.1.1.1', hostname: 'a.b', nodeName: 'A' }] },
      errors: [
        `${subset}.addresses[0].hostname: Invalid value: "a.b": must not contain dots`,
        `${subset}.addresses[0].nodeName: Invalid value: "A": ${subdomain}`,
      ],
    },
    {
      name: 'refuses ports that are none',
      changes: {
        [`${subset}.ports`]: [
          { port: 0, protocol: 'ICMP', appProtocol: 'a b' },
          { name: 'a_', port: 1 },
        ],
      },
      errors: [
        `${subset}.ports[0].name: Required value`,
        `${subset}.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive`,
        `${subset}.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"`,
        `${subset}.ports[0].appProtocol: Invalid value: "a b": name part must consist…`,
        `${subset}.ports[1].name: Invalid value: "a_": ${label}`,
      ],
    },
  ],
};

const endpoint = 'endpoints[0]';

const slices: CaseTable = {
  resource: 'endpointslices.discovery.k8s.io',
  valid: {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1' },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'], hostname: 'valid-123' }],
    ports: [{ name: 'http', port: 80 }],
  },
  cases: [
    {
      name: 'refuses a slice of no type',
      changes: { addressType: undefined },
      errors: ['addressType: Required value'],
    },
    {
      name: 'refuses a type that it does not know',
      changes: { addressType: 'IP' },
      errors: ['addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"'],
    },
    {
      name: 'refuses an endpoint without addresses',
      changes: { [endpoint]: { addresses: [] } },
      errors: [`${endpoint}.addresses: Required value: must contain at least 1 address`],
    },
    {
      name: 'refuses an address of the other family',
      changes: { [endpoint]: { addresses: ['2001:db8::1'] } },
      errors: [`${endpoint}.addresses[0]: Invalid value: "2001:db8::1": must be an IPv4 address`],
    },
    {
      name: 'refuses addresses that are none, or nobody else’s',
      changes: { [endpoint]: { addresses: ['1.2.3', '127.0.0.1'] } },
      errors: [
        `${endpoint}.addresses[0]: Invalid value: "1.2.3": ${badIp}`,
        `${endpoint}.addresses[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)`,
      ],
    },
    { name: 'accepts IPv6', changes: { addressType: 'IPv6', [endpoint]: { addresses: ['2001:db8::1'] } } },
    { name: 'accepts names', changes: { addressType: 'FQDN', [endpoint]: { addresses: ['web.example.com.'] } } },
    {
      name: 'refuses names that are not whole',
      changes: { addressType: 'FQDN', [endpoint]: { addresses: ['web', 'WEB.example.com'] } },
      errors: [
        `${endpoint}.addresses[0]: Invalid value: "web": should be a domain with at least two segments separated by dots`,
        `${endpoint}.addresses[1]: Invalid value: "WEB.example.com": ${subdomain}`,
      ],
    },
    {
      name: 'refuses more than a hundred addresses',
      changes: { [endpoint]: { addresses: Array.from({ length: 101 }, (_, index) => `10.0.0.${index + 1}`) } },
      errors: [`${endpoint}.addresses: Too many: 101: must have at most 100 items`],
    },
    {
      name: 'refuses more than a thousand endpoints',
      changes: { endpoints: Array.from({ length: 1001 }, () => ({ addresses: ['10.0.0.1'] })) },
      errors: ['endpoints: Too many: 1001: must have at most 1000 items'],
    },
    {
      name: 'refuses names that are none',
      changes: { [`${endpoint}.hostname`]: '', [`${endpoint}.nodeName`]: 'A' },
      errors: [
        `${endpoint}.nodeName: Invalid value: "A": ${subdomain}`,
        `${endpoint}.hostname: Invalid value: "": ${label}`,
      ],
    },
    {
      name: 'refuses hints that stand twice or name no zone and node',
      changes: {
        [`${endpoint}.hints`]: {
          forZones: [{ name: 'a' }, { name: 'a' }, { name: 'b c' }],
          forNodes: [{ name: 'N' }],
        },
      },
      errors: [
        `${endpoint}.hints.forZones[1].name: Duplicate value: "a"`,
        `${endpoint}.hints.forZones[2].name: Invalid value: "b c": a valid label must be…`,
        `${endpoint}.hints.forNodes[0].name: Invalid value: "N": ${subdomain}`,
      ],
    },
    {
      name: 'refuses more than eight hints',
      changes: {
        [`${endpoint}.hints`]: { forZones: Array.from({ length: 9 }, (_, index) => ({ name: `z${index}` })) },
      },
      errors: [`${endpoint}.hints.forZones: Too many: 9: must have at most 8 items`],
    },
    {
      name: 'refuses ports that stand twice or are none',
      changes: { ports: [{ port: 80 }, { port: 81, protocol: 'ICMP' }, { name: 'a_b', appProtocol: '' }] },
      errors: [
        'ports[1].name: Duplicate value: ""',
        'ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
        `ports[2].name: Invalid value: "a_b": ${label}`,
        'ports[2].appProtocol: Invalid value: "": name part must be non-empty',
        'ports[2].appProtocol: Invalid value: "": name part must consist…',
      ],
    },
    {
      name: 'refuses another type',
      update: { addressType: 'IPv6', [endpoint]: { addresses: ['2001:db8::1'] } },
      errors: ['addressType: Invalid value: "IPv6": field is immutable'],
    },
  ],
};

testCases([endpoints, slices]);
