/** Families, policy and addresses of Services where the cluster has two families, either of which may be the primary one, or IPv6 alone. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { IPAddress } from '../../api/schema/types/networking-v1.ts';
import { make, rejection, startRegistry, type TestRegistry } from '../testing.ts';

type Fields = Readonly<Record<string, unknown>>;

const [range4, range6] = ['10.43.0.0/16', 'fd00:43::/108'];
const clusters = {
  'IPv4 and IPv6': [range4, range6],
  'IPv6 and IPv4': [range6, range4],
  'IPv6 alone': [range6],
} as const;
type Cluster = keyof typeof clusters;

const single: Fields = { ipFamilyPolicy: 'SingleStack' };
const prefer: Fields = { ipFamilyPolicy: 'PreferDualStack' };
const require: Fields = { ipFamilyPolicy: 'RequireDualStack' };
const families = (...ipFamilies: string[]): Fields => ({ ipFamilies });
const ips = (...clusterIPs: string[]): Fields => ({ clusterIP: clusterIPs[0], clusterIPs });
const [four, six] = ['10.43.0.30', 'fd00:43::30'];
const headless = ips('None');
const free: Fields = { ...headless, selector: undefined };
const external: Fields = { type: 'ExternalName', externalName: 'a.example' };
const plain: Fields = { type: 'ClusterIP', externalName: undefined };

/** `POLICY FAMILY=ADDRESS …`, where an address that was chosen is `*`; or the causes. */
type Outcome = string | readonly string[];

const many = (what: string): string =>
  `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
const release = (policy: string, what: string): string =>
  `spec.ipFamilyPolicy: Invalid value: "${policy}": must be 'SingleStack' to release the secondary ${what}`;
const expected = (family: string, index: number, ip: string): string =>
  `spec.clusterIPs[${index}]: Invalid value: "${ip}": expected an ${family} value as indicated by \`ipFamilies[${index}]\``;
const fixed = (field: string, value: string): string => `${field}: Invalid value: ${value}: may not change once set`;
const failed = (list: string, ip: string, why: string): string =>
  `spec.clusterIPs: Invalid value: ${list}: failed to allocate IP ${ip}: ${why}`;

const creates: readonly (readonly [cluster: Cluster, name: string, spec: Fields, outcome: Outcome])[] = [
  ['IPv4 and IPv6', 'nothing said', {}, 'SingleStack IPv4=*'],
  ['IPv4 and IPv6', 'one', single, 'SingleStack IPv4=*'],
  ['IPv4 and IPv6', 'two where there are', prefer, 'PreferDualStack IPv4=* IPv6=*'],
  ['IPv4 and IPv6', 'two', require, 'RequireDualStack IPv4=* IPv6=*'],
  ['IPv4 and IPv6', 'the other family', families('IPv6'), 'SingleStack IPv6=*'],
  ['IPv4 and IPv6', 'the other first', { ...prefer, ...families('IPv6') }, 'PreferDualStack IPv6=* IPv4=*'],
  ['IPv4 and IPv6', 'both turned', { ...require, ...families('IPv6', 'IPv4') }, 'RequireDualStack IPv6=* IPv4=*'],
  ['IPv4 and IPv6', 'both, and no policy', families('IPv4', 'IPv6'), [many('IP families')]],
  ['IPv4 and IPv6', 'an address', ips(four), `SingleStack IPv4=${four}`],
  ['IPv4 and IPv6', 'one of the other family', ips(six), `SingleStack IPv6=${six}`],
  ['IPv4 and IPv6', 'one, and two', { ...require, ...ips(six) }, `RequireDualStack IPv6=${six} IPv4=*`],
  ['IPv4 and IPv6', 'both', { ...require, ...ips(four, six) }, `RequireDualStack IPv4=${four} IPv6=${six}`],
  ['IPv4 and IPv6', 'both turned', { ...prefer, ...ips(six, four) }, `PreferDualStack IPv6=${six} IPv4=${four}`],
  ['IPv4 and IPv6', 'two addresses, and no policy', ips(four, six), [many('cluster IPs')]],
  [
    'IPv4 and IPv6',
    'two of one family',
    { ...require, ...ips(four, '10.43.0.11') },
    ['spec.clusterIPs: Invalid value: ["10.43.0.30","10.43.0.11"]: may specify no more than one IP for each IP family'],
  ],
  [
    'IPv4 and IPv6',
    'addresses of the wrong families',
    { ...require, ...ips(four, six), ...families('IPv6', 'IPv4') },
    [expected('IPv6', 0, four), expected('IPv4', 1, six)],
  ],
  [
    'IPv4 and IPv6',
    'one that is no cluster’s',
    ips('fd00:44::1'),
    [failed('["fd00:44::1"]', 'fd00:44::1', 'the provided network does not match the current range')],
  ],
  [
    'IPv4 and IPv6',
    'one that is taken',
    { ...require, ...ips('10.43.0.20', 'fd00:43::20') },
    [failed('["10.43.0.20","fd00:43::20"]', 'fd00:43::20', 'provided IP is already allocated')],
  ],
  ['IPv4 and IPv6', 'no address', headless, 'SingleStack IPv4=None'],
  ['IPv4 and IPv6', 'no address, and two', { ...headless, ...require }, 'RequireDualStack IPv4=None IPv6'],
  ['IPv4 and IPv6', 'no address and no selector', free, 'RequireDualStack IPv4=None IPv6'],
  ['IPv4 and IPv6', 'node ports', { ...require, type: 'NodePort' }, 'RequireDualStack IPv4=* IPv6=*'],
  ['IPv6 and IPv4', 'nothing said', {}, 'SingleStack IPv6=*'],
  ['IPv6 and IPv4', 'two where there are', prefer, 'PreferDualStack IPv6=* IPv4=*'],
  ['IPv6 and IPv4', 'the other first', { ...require, ...families('IPv4') }, 'RequireDualStack IPv4=* IPv6=*'],
  ['IPv6 and IPv4', 'no address and no selector', free, 'RequireDualStack IPv6=None IPv4'],
  ['IPv6 alone', 'nothing said', {}, 'SingleStack IPv6=*'],
  ['IPv6 alone', 'two where there are', prefer, 'PreferDualStack IPv6=*'],
  [
    'IPv6 alone',
    'two',
    require,
    ['spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'],
  ],
  [
    'IPv6 alone',
    'the other family',
    families('IPv4'),
    ['spec.ipFamilies[0]: Invalid value: "IPv4": not configured on this cluster'],
  ],
  [
    'IPv6 alone',
    'an address of the other family',
    ips(four),
    ['spec.clusterIPs[0]: Invalid value: ["10.43.0.30"]: IPv4 is not configured on this cluster'],
  ],
  ['IPv6 alone', 'no address and no selector', free, 'RequireDualStack IPv6=None IPv4'],
];

const both = { ...require, ...ips(four, six) };
const updates: readonly (readonly [cluster: Cluster, name: string, spec: Fields, change: Fields, Outcome])[] = [
  ['IPv4 and IPv6', 'two', ips(four), require, `RequireDualStack IPv4=${four} IPv6=*`],
  ['IPv4 and IPv6', 'two where there are', ips(six), prefer, `PreferDualStack IPv6=${six} IPv4=*`],
  ['IPv4 and IPv6', 'two, the second named', ips(four), both, `RequireDualStack IPv4=${four} IPv6=${six}`],
  [
    'IPv4 and IPv6',
    'two, the second said',
    ips(four),
    { ...prefer, ...families('IPv4', 'IPv6') },
    `PreferDualStack IPv4=${four} IPv6=*`,
  ],
  ['IPv4 and IPv6', 'a second family alone', ips(four), families('IPv4', 'IPv6'), [many('IP families')]],
  ['IPv4 and IPv6', 'one again', both, single, `SingleStack IPv4=${four}`],
  [
    'IPv4 and IPv6',
    'one again, said in full',
    both,
    { ...single, ...ips(four), ...families('IPv4') },
    `SingleStack IPv4=${four}`,
  ],
  ['IPv4 and IPv6', 'one address, and no policy', both, ips(four), [release('RequireDualStack', 'cluster IP')]],
  ['IPv4 and IPv6', 'one family, and no policy', both, families('IPv4'), [release('RequireDualStack', 'IP family')]],
  [
    'IPv4 and IPv6',
    'the other alone',
    both,
    { ...single, ...ips(six), ...families('IPv6') },
    [fixed('spec.clusterIPs[0]', `["${six}"]`), fixed('spec.ipFamilies[0]', `["${six}"]`)],
  ],
  [
    'IPv4 and IPv6',
    'another second one',
    both,
    ips(four, 'fd00:43::11'),
    [fixed('spec.clusterIPs[1]', `["${four}","fd00:43::11"]`)],
  ],
  [
    'IPv4 and IPv6',
    'another order',
    both,
    { ...ips(six, four), ...families('IPv6', 'IPv4') },
    [
      fixed('spec.clusterIPs[0]', `["${six}","${four}"]`),
      fixed('spec.clusterIPs[1]', `["${six}","${four}"]`),
      fixed('spec.ipFamilies[0]', '["IPv6","IPv4"]'),
      fixed('spec.ipFamilies[0]', '["IPv6","IPv4"]'),
    ],
  ],
  [
    'IPv4 and IPv6',
    'what was given left out',
    both,
    { clusterIP: undefined, ipFamilies: undefined, ipFamilyPolicy: undefined, clusterIPs: undefined },
    `RequireDualStack IPv4=${four} IPv6=${six}`,
  ],
  ['IPv4 and IPv6', 'a name outside', both, external, ''],
  ['IPv4 and IPv6', 'two after a name outside', external, { ...plain, ...require }, 'RequireDualStack IPv4=* IPv6=*'],
  [
    'IPv4 and IPv6',
    'these after a name outside',
    external,
    { ...plain, ...both },
    `RequireDualStack IPv4=${four} IPv6=${six}`,
  ],
  ['IPv4 and IPv6', 'two headless', headless, require, 'RequireDualStack IPv4=None IPv6'],
  ['IPv4 and IPv6', 'one headless', { ...headless, ...require }, single, 'SingleStack IPv4=None'],
  ['IPv4 and IPv6', 'node ports', both, { type: 'NodePort' }, `RequireDualStack IPv4=${four} IPv6=${six}`],
  ['IPv6 and IPv4', 'two', {}, require, 'RequireDualStack IPv6=* IPv4=*'],
  [
    'IPv6 alone',
    'two',
    ips(six),
    require,
    ['spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'],
  ],
  ['IPv6 alone', 'two where there are', ips(six), prefer, `PreferDualStack IPv6=${six}`],
];

for (const cluster of Object.keys(clusters) as Cluster[]) {
  void describe(`with ${cluster}`, () => {
    let registry: TestRegistry;
    before(async () => {
      registry = await startRegistry(undefined, clusters[cluster]);
      if (cluster === 'IPv4 and IPv6') {
        await registry.create('services', make.service({ spec: { ...single, ...ips('fd00:43::20') } }, 'other'));
      }
    });
    for (const [where, name, spec, outcome] of creates) {
      if (where !== cluster) continue;
      void test(`a new Service with ${name}`, async () => {
        await compare(registry.create('services', make.service({ spec }, 's'), { dryRun: true }), spec, outcome);
      });
    }
    for (const [where, name, spec, change, outcome] of updates) {
      if (where !== cluster) continue;
      void test(`a Service changed to ${name}`, async () => {
        const made = await registry.create('services', make.service({ spec }, 's'));
        const changed = JSON.parse(JSON.stringify({ ...made, spec: { ...made.spec, ...change } })) as object;
        try {
          const asked = { ...spec, ...(JSON.parse(JSON.stringify(change)) as Fields) };
          await compare(registry.update('services', changed), asked, outcome);
          assert.deepEqual(await held(registry), ['s', 'other'].flatMap((each) => addressesOf(registry, each)).sort());
        } finally {
          await registry.delete('services', 's');
        }
      });
    }
  });
}

/** Every address of a Service is an IPAddress of its family, and no other is. */
async function held(registry: TestRegistry): Promise<string[]> {
  const all = (await registry.list('ipaddresses.networking.k8s.io')).objects as readonly IPAddress[];
  const objects = all.filter(({ spec }) => spec.parentRef.namespace === 'default');
  const names = objects.map(({ metadata }) => metadata?.name ?? '');
  for (const { metadata } of objects) {
    const family = metadata?.name?.includes(':') ? 'IPv6' : 'IPv4';
    assert.equal(metadata?.labels?.['ipaddress.kubernetes.io/ip-family'], family);
  }
  return names.filter((name) => name !== registry.registry.serviceRanges.apiAddress).sort();
}

function addressesOf(registry: TestRegistry, name: string): readonly string[] {
  const service: Service | undefined = registry.store.get({
    collection: 'services',
    namespace: 'default',
    name,
  })?.object;
  return (service?.spec?.clusterIPs ?? []).filter((address) => address !== 'None');
}

async function compare(work: Promise<object>, asked: Fields, outcome: Outcome): Promise<void> {
  if (typeof outcome !== 'string') {
    const { details } = await rejection(work, 'Invalid');
    const causes = (details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
    assert.deepEqual(causes, outcome);
    return;
  }
  const { spec = {} } = (await work) as { readonly spec?: ServiceSpec };
  assert.equal(spec.clusterIP, spec.clusterIPs?.[0], 'the singular is the first of the plural');
  const named = (asked['clusterIPs'] ?? []) as readonly string[];
  const shown = (spec.ipFamilies ?? []).map((family, index) => {
    const address = spec.clusterIPs?.[index];
    if (address === undefined) return family;
    if (address !== 'None') assert.equal(address.includes(':'), family === 'IPv6', 'of its family');
    return `${family}=${named.includes(address) ? address : '*'}`;
  });
  assert.equal([spec.ipFamilyPolicy, ...shown].filter((part) => part !== undefined).join(' '), outcome);
}
