/** Families, policy and addresses of Services in a cluster of one family, IPv4: what is filled in, kept and refused. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { make, rejection, startRegistry, type TestRegistry } from '../testing.ts';

type Fields = Readonly<Record<string, unknown>>;

const single: Fields = { ipFamilyPolicy: 'SingleStack' };
const prefer: Fields = { ipFamilyPolicy: 'PreferDualStack' };
const require: Fields = { ipFamilyPolicy: 'RequireDualStack' };
const families = (...ipFamilies: string[]): Fields => ({ ipFamilies });
const ips = (...clusterIPs: string[]): Fields => ({ clusterIP: clusterIPs[0], clusterIPs });
const [four, six] = ['10.43.0.30', 'fd00::10'];
const headless = ips('None');
const free: Fields = { ...headless, selector: undefined };
const external: Fields = { type: 'ExternalName', externalName: 'a.example' };

const noDual = (policy = 'RequireDualStack'): string =>
  `spec.ipFamilyPolicy: Invalid value: "${policy}": this cluster is not configured for dual-stack services`;
const noSix = (index: number): string =>
  `spec.ipFamilies[${index}]: Invalid value: "IPv6": not configured on this cluster`;
const noSixIp = (index: number, list: string): string =>
  `spec.clusterIPs[${index}]: Invalid value: ${list}: IPv6 is not configured on this cluster`;
const many = (what: string): string =>
  `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
const expected = (family: string, index: number, ip: string): string =>
  `spec.clusterIPs[${index}]: Invalid value: "${ip}": expected an ${family} value as indicated by \`ipFamilies[${index}]\``;

type Row = readonly [name: string, spec: Fields, outcome: string | readonly string[]];

/** `SingleStack IPv4`, or the causes. */
const creates: readonly Row[] = [
  ['nothing said', {}, 'SingleStack IPv4'],
  ['a policy of one', single, 'SingleStack IPv4'],
  ['a policy of two where there are', prefer, 'PreferDualStack IPv4'],
  ['a policy of two', require, [noDual()]],
  ['the family', families('IPv4'), 'SingleStack IPv4'],
  ['the family, and two where there are', { ...prefer, ...families('IPv4') }, 'PreferDualStack IPv4'],
  ['the family, and two', { ...require, ...families('IPv4') }, [noDual()]],
  ['the other family', families('IPv6'), [noSix(0)]],
  ['the other family, and two', { ...require, ...families('IPv6') }, [noDual(), noSix(0)]],
  ['both, and no policy', families('IPv4', 'IPv6'), [many('IP families')]],
  ['both, and one', { ...single, ...families('IPv6', 'IPv4') }, [many('IP families')]],
  ['both, and two where there are', { ...prefer, ...families('IPv4', 'IPv6') }, [noSix(1)]],
  ['both, and two', { ...require, ...families('IPv6', 'IPv4') }, [noDual(), noSix(0)]],
  ['an address', ips(four), 'SingleStack IPv4'],
  ['an address, and two where there are', { ...prefer, ...ips(four) }, 'PreferDualStack IPv4'],
  ['an address, and two', { ...require, ...ips(four) }, [noDual()]],
  ['an address of the other family', ips(six), [noSixIp(0, '["fd00::10"]')]],
  ['an address of the other family, said', { ...ips(six), ...families('IPv6') }, [noSix(0)]],
  ['an address of another family than said', { ...ips(four), ...families('IPv6') }, [expected('IPv6', 0, four)]],
  ['two addresses', ips(four, six), [many('cluster IPs'), noSixIp(1, '["10.43.0.30","fd00::10"]')]],
  ['two addresses, and two', { ...require, ...ips(four, six) }, [noSixIp(1, '["10.43.0.30","fd00::10"]')]],
  [
    'two addresses of two families, and one',
    { ...ips(four, six), ...families('IPv4', 'IPv6') },
    [many('cluster IPs'), many('IP families')],
  ],
  ['no address', headless, 'SingleStack IPv4'],
  ['no address, and two where there are', { ...headless, ...prefer }, 'PreferDualStack IPv4'],
  ['no address, and two', { ...headless, ...require }, [noDual()]],
  ['no address, of the other family', { ...headless, ...families('IPv6') }, [noSix(0)]],
  ['no address and no selector', free, 'RequireDualStack IPv4 IPv6'],
  ['no address and no selector, one', { ...free, ...single }, 'SingleStack IPv4'],
  ['no address and no selector, two where there are', { ...free, ...prefer }, 'PreferDualStack IPv4 IPv6'],
  ['no address and no selector, the other', { ...free, ...families('IPv6') }, 'RequireDualStack IPv6 IPv4'],
  ['no address and no selector, the other alone', { ...free, ...single, ...families('IPv6') }, 'SingleStack IPv6'],
  [
    'no address and no selector, both, and one',
    { ...free, ...single, ...families('IPv4', 'IPv6') },
    [many('IP families')],
  ],
  ['another name', external, ''],
  [
    'a bad family, told before all else',
    { ...families('IPv5'), ports: [] },
    ['spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'],
  ],
];

const release = (what: string): string =>
  `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary ${what}`;

const updates: readonly (readonly [...Row, change: Fields])[] = [
  ['nothing', {}, 'SingleStack IPv4', {}],
  [
    'what was filled in, left out',
    {},
    'SingleStack IPv4',
    {
      ipFamilies: undefined,
      ipFamilyPolicy: undefined,
      clusterIP: undefined,
      clusterIPs: undefined,
    },
  ],
  ['two where there are', {}, 'PreferDualStack IPv4', prefer],
  ['one instead of two where there are', prefer, 'SingleStack IPv4', single],
  ['two', {}, [noDual()], require],
  ['a second family', {}, [many('IP families')], families('IPv4', 'IPv6')],
  ['another name', {}, '', external],
  ['an address after another name', external, 'SingleStack IPv4', { type: 'ClusterIP', externalName: undefined }],
  [
    'none after another name',
    external,
    'SingleStack IPv4',
    {
      ...headless,
      type: 'ClusterIP',
      externalName: undefined,
    },
  ],
  ['one of both, free', free, 'SingleStack IPv4', single],
  ['one of both, free, and not said so', free, [release('IP family')], families('IPv4')],
  ['both again, free', { ...free, ...single }, 'RequireDualStack IPv4 IPv6', require],
  ['a selector, of both', free, [noDual(), noSix(1)], { selector: { a: 'b' } }],
  [
    'a selector, of both where there are',
    { ...free, ...prefer },
    'PreferDualStack IPv4 IPv6',
    {
      selector: { a: 'b' },
    },
  ],
];

void describe('a new Service with', () => {
  const cluster = started();
  for (const [name, spec, outcome] of creates) {
    void test(name, async () => {
      const created = cluster().create('services', make.service({ spec }, 's'), { dryRun: true });
      await compare(created, outcome);
    });
  }
});

void describe('a Service changed to', () => {
  const cluster = started();
  for (const [name, spec, outcome, change] of updates) {
    void test(name, async () => {
      const made = await cluster().create('services', make.service({ spec }, 's'));
      const changed = JSON.parse(JSON.stringify({ ...made, spec: { ...made.spec, ...change } })) as object;
      try {
        await compare(cluster().update('services', changed, { dryRun: true }), outcome);
      } finally {
        await cluster().registry.delete(cluster().target('services', { name: 's' }), {});
      }
    });
  }
});

function started(): () => TestRegistry {
  let cluster: TestRegistry;
  before(async () => {
    cluster = await startRegistry();
  });
  return () => cluster;
}

async function compare(work: Promise<object>, outcome: string | readonly string[]): Promise<void> {
  if (typeof outcome !== 'string') {
    const { details } = await rejection(work, 'Invalid');
    assert.deepEqual(
      (details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`),
      outcome,
    );
    return;
  }
  const { spec } = (await work) as { spec: { ipFamilyPolicy?: string; ipFamilies?: string[]; clusterIP?: string } };
  const seen = [spec.ipFamilyPolicy, ...(spec.ipFamilies ?? [])].filter((part) => part !== undefined);
  assert.equal(seen.join(' '), outcome);
  assert.equal(spec.clusterIP === undefined, outcome === '', 'an address, or none, where there are families');
}
