/** Kubernetes' DNS specification 1.1.0, as rows: question, code, answers; and what goes with them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, fillZone, makeService, makeSlice, shown, testDns } from './testing.ts';

const web = 'web.shop.svc.cluster.local';
const db = 'db.shop.svc.cluster.local';

/** Specification's section or topic, type, name, code, answers. */
const rows: readonly (readonly [string, string, string, 'NOERROR' | 'NXDOMAIN', ...string[]])[] = [
  ['2.2', 'TXT', 'dns-version.cluster.local', 'NOERROR', 'TXT 1.1.0'],
  ['2.2 other type', 'A', 'dns-version.cluster.local', 'NOERROR'],
  ['2.3.1', 'A', 'kubernetes.default.svc.cluster.local', 'NOERROR', 'A 10.43.0.1'],
  ['2.3.1', 'A', web, 'NOERROR', 'A 10.43.7.7'],
  ['2.3.1 other family', 'AAAA', 'kubernetes.default.svc.cluster.local', 'NOERROR'],
  ['2.3.1 both families', 'AAAA', web, 'NOERROR', 'AAAA fd00::7'],
  ['2.3.1 other type', 'TXT', web, 'NOERROR'],
  ['2.3.1 other type', 'MX', web, 'NOERROR'],
  ['2.3.1 capitals', 'A', 'WEB.Shop.SVC.cluster.LOCAL', 'NOERROR', 'A 10.43.7.7'],
  ['2.3.2', 'SRV', `_http._tcp.${web}`, 'NOERROR', `SRV 0 100 80 ${web}`],
  ['2.3.2', 'SRV', `_dns._udp.${web}`, 'NOERROR', `SRV 0 100 53 ${web}`],
  ['2.3.2 capitals', 'SRV', `_HTTP._Tcp.${web}`, 'NOERROR', `SRV 0 100 80 ${web}`],
  ['2.3.2 other protocol', 'SRV', `_http._udp.${web}`, 'NXDOMAIN'],
  ['2.3.2 other port', 'SRV', `_https._tcp.${web}`, 'NXDOMAIN'],
  ['2.3.2 unnamed port', 'SRV', `_._tcp.${web}`, 'NXDOMAIN'],
  ['2.3.2 other type', 'A', `_http._tcp.${web}`, 'NOERROR'],
  ['2.3.2 below which there is one', 'SRV', `_tcp.${web}`, 'NOERROR'],
  ['2.3.2 below which there is none', 'SRV', `_sctp.${web}`, 'NXDOMAIN'],
  ['all ports', 'SRV', web, 'NOERROR', `SRV 0 33 53 ${web}`, `SRV 0 33 80 ${web}`, `SRV 0 33 9 ${web}`],
  ['2.3.3', 'PTR', '7.7.43.10.in-addr.arpa', 'NOERROR', `PTR ${web}`],
  ['2.3.3 six', 'PTR', `7.0.0.0.${'0.'.repeat(24)}0.0.d.f.ip6.arpa`, 'NOERROR', `PTR ${web}`],
  ['2.3.3 other type', 'A', '7.7.43.10.in-addr.arpa', 'NOERROR'],
  ['2.3.3 nobody’s, of ours', 'PTR', '8.7.43.10.in-addr.arpa', 'NXDOMAIN'],
  ['2.4.1', 'A', db, 'NOERROR', 'A 10.42.0.5', 'A 10.42.0.6'],
  ['2.4.1 six', 'AAAA', db, 'NOERROR', 'AAAA fd00::5'],
  ['2.4.1 none ready', 'A', 'idle.shop.svc.cluster.local', 'NXDOMAIN'],
  ['2.4.1 not ready, and published', 'A', 'eager.shop.svc.cluster.local', 'NOERROR', 'A 10.42.0.9'],
  ['2.4.1 hostname', 'A', `db-0.${db}`, 'NOERROR', 'A 10.42.0.5'],
  ['2.4.1 hostname, six', 'AAAA', `db-0.${db}`, 'NOERROR', 'AAAA fd00::5'],
  ['2.4.1 hostname not ready', 'A', `db-2.${db}`, 'NXDOMAIN'],
  ['2.4.1 by address', 'A', `10-42-0-6.${db}`, 'NOERROR', 'A 10.42.0.6'],
  ['2.4.1 by address where it has a name', 'A', `10-42-0-5.${db}`, 'NXDOMAIN'],
  ['2.4.1 no such hostname', 'A', `db-9.${db}`, 'NXDOMAIN'],
  ['2.4.2', 'SRV', `_http._tcp.${db}`, 'NOERROR', `SRV 0 50 8080 10-42-0-6.${db}`, `SRV 0 50 8080 db-0.${db}`],
  ['2.4.2 other port', 'SRV', `_https._tcp.${db}`, 'NXDOMAIN'],
  ['2.4.3', 'PTR', '5.0.42.10.in-addr.arpa', 'NOERROR', `PTR db-0.${db}`],
  ['2.4.3 without hostname', 'PTR', '6.0.42.10.in-addr.arpa', 'NOERROR', `PTR 10-42-0-6.${db}`],
  ['2.4.3 not ready', 'PTR', '7.0.42.10.in-addr.arpa', 'NXDOMAIN'],
  ['2.4.3 also with an address', 'PTR', '1.1.42.10.in-addr.arpa', 'NOERROR', `PTR 10-42-1-1.${web}`],
  ['2.4.3 published', 'PTR', '9.0.42.10.in-addr.arpa', 'NOERROR', 'PTR 10-42-0-9.eager.shop.svc.cluster.local'],
  ['2.5', 'CNAME', 'ext.shop.svc.cluster.local', 'NOERROR', 'CNAME www.example.com'],
  ['2.5 to a name of ours', 'A', 'inner.shop.svc.cluster.local', 'NOERROR', 'A 10.43.7.7', `CNAME ${web}`],
  ['2.5 digits', 'A', 'digits.shop.svc.cluster.local', 'NXDOMAIN'],
  ['2.5 below', 'A', 'x.ext.shop.svc.cluster.local', 'NXDOMAIN'],
  ['2.6', 'A', '10-42-0-5.shop.pod.cluster.local', 'NOERROR', 'A 10.42.0.5'],
  ['2.6 any address', 'A', '1-2-3-4.default.pod.cluster.local', 'NOERROR', 'A 1.2.3.4'],
  ['2.6 six', 'AAAA', 'fd00--5.shop.pod.cluster.local', 'NOERROR', 'AAAA fd00::5'],
  ['2.6 other family', 'AAAA', '10-42-0-5.shop.pod.cluster.local', 'NOERROR'],
  ['2.6 no address', 'A', '10-42-0-555.shop.pod.cluster.local', 'NXDOMAIN'],
  ['2.6 no namespace', 'A', '10-42-0-5.nowhere.pod.cluster.local', 'NXDOMAIN'],
  ['2.6 namespace', 'A', 'shop.pod.cluster.local', 'NOERROR'],
  ['empty', 'A', 'svc.cluster.local', 'NOERROR'],
  ['empty', 'A', 'pod.cluster.local', 'NOERROR'],
  ['empty', 'A', 'shop.svc.cluster.local', 'NOERROR'],
  ['no namespace', 'A', 'nowhere.svc.cluster.local', 'NXDOMAIN'],
  ['no Service', 'A', 'none.shop.svc.cluster.local', 'NXDOMAIN'],
  ['no wildcards', 'A', '*.shop.svc.cluster.local', 'NXDOMAIN'],
  ['no wildcards', 'SRV', `*._tcp.${web}`, 'NXDOMAIN'],
  ['search path', 'A', `${web}.shop.svc.cluster.local`, 'NXDOMAIN'],
  ['search path', 'A', 'www.example.com.shop.svc.cluster.local', 'NXDOMAIN'],
  ['search path', 'A', 'web.shop.cluster.local', 'NXDOMAIN'],
  ['apex', 'A', 'cluster.local', 'NOERROR'],
  ['apex', 'SOA', 'cluster.local', 'NOERROR', 'SOA ns.dns.cluster.local 5'],
  ['apex', 'NS', 'cluster.local', 'NOERROR', 'NS ns.dns.cluster.local'],
  ['name server', 'A', 'ns.dns.cluster.local', 'NOERROR', 'A 10.43.0.10'],
  ['above it', 'A', 'dns.cluster.local', 'NOERROR'],
];

describe('the names of a cluster', () => {
  const { resolver, zone } = testDns();
  fillZone(zone);
  for (const transport of ['udp', 'tcp'] as const)
    for (const [section, type, name, rcode, ...answers] of rows)
      test(`${section}: ${type} ${name} by ${transport}`, async () => {
        // Asked twice: the second answer comes from the cache.
        for (let time = 0; time < 2; time++) {
          const reply = await ask(resolver, name, { type, transport, edns: { size: 1232 } });
          assert.equal(reply.rcode, rcode);
          assert.deepEqual(shown(reply.answers), answers.toSorted());
          assert.ok(reply.flag_aa && reply.flag_ra && reply.flag_rd && !reply.flag_tc);
          assert.equal(reply.questions?.[0]?.name, name);
          assert.deepEqual(shown(reply.authorities), answers.length > 0 ? [] : ['SOA ns.dns.cluster.local 5']);
          const ttls = (reply.answers ?? []).map((record) => ('ttl' in record ? record.ttl : 0));
          assert.ok(ttls.every((ttl) => ttl === (section === '2.2' ? 28_800 : 5)));
        }
      });
});

test('what SRV and NS records point to comes along', async () => {
  const { resolver, zone } = testDns();
  fillZone(zone);
  const edns = { size: 1232 };
  const port = await ask(resolver, `_http._tcp.${web}`, { type: 'SRV', edns });
  assert.deepEqual(shown(port.additionals), ['A 10.43.7.7', 'AAAA fd00::7']);
  const headless = await ask(resolver, `_http._tcp.${db}`, { type: 'SRV', edns });
  assert.deepEqual(shown(headless.additionals), ['A 10.42.0.5', 'A 10.42.0.6', 'AAAA fd00::5']);
  assert.ok(headless.additionals?.some(({ name }) => name === `db-0.${db}`));
  const server = await ask(resolver, 'cluster.local', { type: 'NS' });
  assert.deepEqual(shown(server.additionals), ['A 10.43.0.10']);
});

test('a change shows in the next answer: addresses, endpoints, Services, namespaces, and names by address', async () => {
  const { resolver, zone } = testDns();
  fillZone(zone);
  const answers = async (name: string, type = 'A'): Promise<string[]> => {
    const reply = await ask(resolver, name, { type });
    return [reply.rcode, ...shown(reply.answers)];
  };
  assert.deepEqual(await answers(db), ['NOERROR', 'A 10.42.0.5', 'A 10.42.0.6']);
  assert.deepEqual(await answers('8.0.42.10.in-addr.arpa', 'PTR'), ['NXDOMAIN']);
  zone.putSlice(makeSlice('shop/db', [{ ip: '10.42.0.8' }]));
  assert.deepEqual(await answers(db), ['NOERROR', 'A 10.42.0.8']);
  assert.deepEqual(await answers('8.0.42.10.in-addr.arpa', 'PTR'), ['NOERROR', `PTR 10-42-0-8.${db}`]);
  assert.deepEqual(await answers('5.0.42.10.in-addr.arpa', 'PTR'), ['NXDOMAIN']);
  zone.removeSlice(makeSlice('shop/db', []));
  assert.deepEqual(await answers(db), ['NOERROR']);
  zone.removeSlice(makeSlice('shop/db', [], { name: 'six' }));
  assert.deepEqual(await answers(db), ['NXDOMAIN']);
  assert.deepEqual(await answers('new.shop.svc.cluster.local'), ['NXDOMAIN']);
  zone.putService(makeService('shop/new', { clusterIP: '10.43.9.9', ports: [] }));
  assert.deepEqual(await answers('new.shop.svc.cluster.local'), ['NOERROR', 'A 10.43.9.9']);
  zone.removeService('shop/new');
  assert.deepEqual(await answers('new.shop.svc.cluster.local'), ['NXDOMAIN']);
  assert.deepEqual(await answers('fresh.svc.cluster.local'), ['NXDOMAIN']);
  zone.putNamespace('fresh');
  assert.deepEqual(await answers('fresh.svc.cluster.local'), ['NOERROR']);
  zone.removeNamespace('fresh');
  assert.deepEqual(await answers('1-2-3-4.fresh.pod.cluster.local'), ['NXDOMAIN']);
});

test('another domain is another domain', async () => {
  const { resolver, zone } = testDns({ settings: { domain: 'k8s.example.org' } });
  fillZone(zone);
  assert.deepEqual(shown((await ask(resolver, 'web.shop.svc.k8s.example.org')).answers), ['A 10.43.7.7']);
  assert.equal((await ask(resolver, web)).rcode, 'SERVFAIL');
});

test('a Service in two slices has each endpoint once, and one of two Services has each of their names', async () => {
  const { resolver, zone } = testDns();
  fillZone(zone);
  zone.putSlice(makeSlice('shop/db', [{ ip: '10.42.0.6' }], { name: 'other' }));
  assert.deepEqual(shown((await ask(resolver, db)).answers), ['A 10.42.0.5', 'A 10.42.0.6']);
  zone.putService(makeService('default/db', { clusterIP: 'None' }));
  zone.putSlice(makeSlice('default/db', [{ ip: '10.42.0.6' }]));
  const names = shown((await ask(resolver, '6.0.42.10.in-addr.arpa', { type: 'PTR' })).answers);
  assert.deepEqual(names, ['PTR 10-42-0-6.db.default.svc.cluster.local', `PTR 10-42-0-6.${db}`]);
});
