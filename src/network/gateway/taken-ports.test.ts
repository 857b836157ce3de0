import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gateway, GatewayClass } from '../../api/schema/types/gateway-v1.ts';
import type { Ingress, IngressClass } from '../../api/schema/types/networking-v1.ts';
import { ingressSection } from './settings.ts';
import { takenPorts } from './taken-ports.ts';

const ingressClasses: Readonly<Record<string, IngressClass>> = {
  naru: { spec: { controller: 'naru.io/ingress' } },
  edge: { spec: { controller: 'naru.io/ingress' } },
  theirs: { spec: { controller: 'example.com/ingress' } },
};
const gatewayClasses: Readonly<Record<string, GatewayClass>> = {
  naru: { spec: { controllerName: 'naru.io/gateway' } },
  theirs: { spec: { controllerName: 'example.com/gateway' } },
};

const ingress = (ingressClassName?: string): Ingress => ({
  metadata: { namespace: 'default', name: 'web' },
  spec: { ...(ingressClassName !== undefined && { ingressClassName }) },
});
const gateway = (gatewayClassName: string, ...ports: number[]): Gateway => ({
  metadata: { namespace: 'edge', name: gatewayClassName },
  spec: {
    gatewayClassName,
    listeners: ports.map((port) => ({ name: `p${port}`, port, protocol: 'HTTP' })),
  },
});

const taken = (ingresses: readonly Ingress[], gateways: readonly Gateway[], settings: unknown = {}): string =>
  [
    ...takenPorts({
      ingresses,
      ingressClass: (name) => ingressClasses[name],
      gateways,
      gatewayClass: (name) => gatewayClasses[name],
      settings: ingressSection.parse(settings),
      apiSlices: [],
    }),
  ]
    .filter(([, who]) => who !== 'the machine (SSH)')
    .map(([port, who]) => `${port} ${who}`)
    .join(', ');

const rows: readonly (readonly [what: string, is: string, wanted: string])[] = [
  ['nothing', taken([], []), ''],
  ['an Ingress of our class', taken([ingress('naru')], []), '80 the Ingresses, 443 the Ingresses'],
  ['one of another class that we serve', taken([ingress('edge')], []), '80 the Ingresses, 443 the Ingresses'],
  ['one of the class that charts name', taken([ingress('nginx')], []), '80 the Ingresses, 443 the Ingresses'],
  ['one of another controller', taken([ingress('theirs')], []), ''],
  ['one without a class', taken([ingress()], []), ''],
  ['one of a class that is not there', taken([ingress('gone')], []), ''],
  [
    'ports of the settings',
    taken([ingress('naru'), ingress('theirs')], [], { httpPort: 8080, httpsPort: 8443 }),
    '8080 the Ingresses, 8443 the Ingresses',
  ],
  ['settings, and nobody who uses them', taken([], [], { httpPort: 8080 }), ''],
  ['a Gateway of ours', taken([], [gateway('naru', 80, 9000)]), '80 Gateway edge/naru, 9000 Gateway edge/naru'],
  ['a Gateway of another controller', taken([], [gateway('theirs', 80)]), ''],
  ['a Gateway of a class that is not there', taken([], [gateway('gone', 80)]), ''],
  [
    'both',
    taken([ingress('naru')], [gateway('naru', 9000), gateway('theirs', 9001)]),
    '9000 Gateway edge/naru, 80 the Ingresses, 443 the Ingresses',
  ],
];

for (const [what, is, wanted] of rows)
  test(`ports of entry nodes that are taken by ${what}: ${wanted || 'none'}`, () => assert.equal(is, wanted));

test('the port of SSH, and those of API servers, are taken whatever there is', () => {
  const apiSlices = [{ addressType: 'IPv4' as const, endpoints: [], ports: [{ name: 'https', port: 6443 }] }];
  const none = { ingresses: [], gateways: [], ingressClass: () => undefined, gatewayClass: () => undefined };
  const ports = takenPorts({ ...none, settings: ingressSection.defaults, apiSlices });
  assert.deepEqual(
    [...ports],
    [
      [22, 'the machine (SSH)'],
      [6443, 'the API server'],
    ],
  );
});
