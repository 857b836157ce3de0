/** Which ranges a home has, and what of them may change. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { serviceCidrs as serviceCidrsResource, services } from '../client/resources.ts';
import { startCluster } from '../cluster.ts';
import { type Home, homeOf, makeHome } from '../home.ts';
import { freshRanges, type RangeCommandOptions, type RangeSettings, rangeSettings } from './address-ranges.ts';
import { readSettings, updateSettings } from './settings.ts';

function homeFor(t: TestContext): Home {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-ranges-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return homeOf(path.join(folder, 'home'));
}

const told = (serviceCidr?: string, clusterCidr?: string): RangeCommandOptions => ({
  ...(serviceCidr !== undefined && { serviceCidr }),
  ...(clusterCidr !== undefined && { clusterCidr }),
});

test('the usual home has the first ranges, and others have their own', () => {
  assert.deepEqual(freshRanges(homeOf('/nowhere/naru-a')).clusterCidrs, ['10.42.0.0/16']);
  const seen = new Set<string>();
  for (let index = 0; index < 2000; index++) {
    const { serviceCidrs = [], podCidr } = freshRanges(homeOf(`/nowhere/home-${index}`));
    assert.match(serviceCidrs.join(), /^10\.(5[89]|[678][0-9])\.(0|32|64|96|128|160|192|224)\.0\/19$/);
    assert.match(podCidr, /^10\.42\.([1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-4])\.0\/24$/);
    seen.add(serviceCidrs.join());
  }
  assert.equal(seen.size, 254);
});

describe('ranges that are asked for', () => {
  const rows: readonly (readonly [options: RangeCommandOptions, outcome: Partial<RangeSettings> | RegExp])[] = [
    [told('10.96.0.0/12'), { serviceCidrs: ['10.96.0.0/12'] }],
    [told('fd00:43::/108'), { serviceCidrs: ['fd00:43::/108'] }],
    [told('fd00:43::/108, 10.96.0.0/12'), { serviceCidrs: ['fd00:43::/108', '10.96.0.0/12'] }],
    [told(undefined, '10.50.7.0/24'), { clusterCidrs: ['10.50.7.0/24'], podCidr: '10.50.7.0/24' }],
    [told(''), /^--service-cidr takes a range, or one of each family, as 10\.43\.0\.0\/16,fd00:43::\/108; '' is none$/],
    [told('10.96.0.0/12,'), /; '' is none$/],
    [told('10.96.0.0/12,10.97.0.0/16'), /; both are of IPv4$/],
    [told('10.96.0.0/12,fd00::/108,fd01::/108'), / are 3$/],
    [told('10.96.0.1/12'), /; 10\.96\.0\.1\/12 should be written 10\.96\.0\.0\/12$/],
    [told('FD00::/108'), /; FD00::\/108 should be written fd00::\/108$/],
    [told('::ffff:10.0.0.0/104'), /is none$/],
    [told('10.96.0.0/29'), /; of IPv4 it must be from \/8 to \/28, and 10\.96\.0\.0\/29 is not$/],
    [told('fd00::/63'), /; of IPv6 it must be from \/64 to \/124/],
    [told(undefined, '10.50.0.0/25'), /^--cluster-cidr .*; of IPv4 it must be from \/8 to \/24/],
    [told(undefined, 'fd00::/47'), /; of IPv6 it must be from \/48 to \/64/],
    [
      told('10.42.128.0/20'),
      /^the addresses of Services, 10\.42\.128\.0\/20, and those of pods, 10\.42\.0\.0\/16, are/,
    ],
    [told('10.96.0.0/16,fd00::/108', '10.97.0.0/16,fd00::/56'), /Services, fd00::\/108, and those of pods, fd00::\/56/],
  ];
  for (const [options, outcome] of rows) {
    test(Object.values(options).join(' and ') || 'none', async (t) => {
      const home = homeFor(t);
      const before = freshRanges(home);
      const work = rangeSettings(before, options, home);
      if (outcome instanceof RegExp) await assert.rejects(work, { message: outcome });
      else assert.deepEqual(await work, { ...before, ...outcome });
    });
  }

  test('this machine has a part of each', async (t) => {
    const home = homeFor(t);
    const before = freshRanges(home);
    const { podCidr } = await rangeSettings(before, told(undefined, '10.50.0.0/16,fd00:50::/56'), home);
    const number = Number(before.podCidr.split('.')[2]);
    assert.equal(podCidr, `10.50.${number}.0/24,fd00:50:0:${number.toString(16)}::/64`);
  });
});

test('a cluster keeps its ranges: others are refused and not kept, and another family may be added', async (t) => {
  const home = homeFor(t);
  const settings = await updateSettings(home, told('10.71.0.0/24'));
  const start = () => {
    const { serviceCidrs, clusterCidrs } = readSettings(home);
    return startCluster({ home, serviceCidrs, clusterCidrs, nodes: { kind: 'none', name: 'n1' } });
  };
  await (await start()).close();
  await assert.rejects(updateSettings(home, told('10.72.0.0/24')), {
    message:
      /^this cluster's Services have their addresses from 10\.71\.0\.0\/24, which cannot become 10\.72\.0\.0\/24 .*naru down --all$/,
  });
  await assert.rejects(updateSettings(home, told(undefined, '10.50.0.0/16')), {
    message: /^the pods of the cluster in .* from 10\.42\.0\.0\/16, which cannot become 10\.50\.0\.0\/16 /,
  });
  assert.deepEqual(readSettings(home), JSON.parse(JSON.stringify(settings)));
  await updateSettings(home, told('10.71.0.0/24,fd00:71::/112', '10.42.0.0/16,fd00:42::/56'));
  const { serviceCidrs, clusterCidrs, podCidr } = readSettings(home);
  assert.deepEqual(serviceCidrs, ['10.71.0.0/24', 'fd00:71::/112']);
  assert.deepEqual(clusterCidrs, ['10.42.0.0/16', 'fd00:42::/56']);
  assert.equal(podCidr, settings.podCidr, 'a node that is there keeps what it has');
  const cluster = await start();
  t.after(() => cluster.close());
  const own = await cluster.client().get(serviceCidrsResource, { namespace: '', name: 'kubernetes' });
  assert.deepEqual(own.spec?.cidrs, serviceCidrs, 'who reads the ServiceCIDR learns of it');
  const api = await cluster.client().get(services, { namespace: 'default', name: 'kubernetes' });
  assert.deepEqual([api.spec?.clusterIPs, api.spec?.ipFamilyPolicy], [['10.71.0.1'], 'SingleStack']);
  const ports = [{ port: 80 }];
  const spec = { ports, ipFamilyPolicy: 'RequireDualStack' } as const;
  const web = await cluster.client().create(services, { metadata: { namespace: 'default', name: 'web' }, spec });
  assert.deepEqual(web.spec?.ipFamilies, ['IPv4', 'IPv6']);
});

test('a home without settings of its ranges has those of its state', async (t) => {
  const home = homeFor(t);
  makeHome(home);
  const nodes = { kind: 'none', name: 'n1' } as const;
  await (await startCluster({ home, serviceCidrs: ['10.71.0.0/24'], nodes })).close();
  writeFileSync(home.settings, JSON.stringify({ port: 7000, podCidr: '10.42.9.0/24' }));
  const { serviceCidrs, clusterCidrs, podCidr } = await updateSettings(home, {});
  assert.deepEqual([serviceCidrs, clusterCidrs, podCidr], [undefined, ['10.42.0.0/16'], '10.42.9.0/24']);
  await assert.rejects(updateSettings(home, told('10.43.0.0/16')), { message: /from 10\.71\.0\.0\/24, which cannot/ });
  assert.deepEqual((await updateSettings(home, told('10.71.0.0/24'))).serviceCidrs, ['10.71.0.0/24']);
  await assert.rejects(startCluster({ home, serviceCidrs: ['10.72.0.0/24'], nodes }), {
    message: /from 10\.71\.0\.0\/24, which cannot become 10\.72\.0\.0\/24/,
  });
});
