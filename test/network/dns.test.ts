/** The cluster's DNS asked by dig, over UDP and TCP, in a network of its own: from the node and from a pod, with another name server behind it. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeService, makeSlice } from '../../src/network/dns/testing.ts';
import { eventually } from '../harness.ts';
import type { DnsObjects } from './dns-node.ts';
import { NetLab, type NetProcess, type NetSpace, needsNetwork } from './net-lab.ts';
import { muslProgram } from './resolver-programs.ts';

const server = '10.43.0.10';
const web = 'web.default.svc.cluster.local';
const db = 'db.default.svc.cluster.local';

const many = Array.from({ length: 250 }, (_, index) => ({ ip: `10.42.9.${index}` }));

const objects: DnsObjects = {
  namespaces: [{ metadata: { name: 'kube-system' } }],
  services: [
    makeService('kube-system/kube-dns', { clusterIP: server, ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] }),
    makeService('default/web', { clusterIP: '10.43.0.99', ports: [{ name: 'http', port: 80 }] }),
    makeService('default/db', { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] }),
    makeService('default/many', { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] }),
    makeService('default/ext', { type: 'ExternalName', externalName: 'www.example.test' }),
  ],
  slices: [
    makeSlice('default/db', [{ ip: '10.42.0.5', hostname: 'db-0' }, { ip: '10.42.0.6' }]),
    makeSlice('default/many', many.slice(0, 100), { name: 'a' }),
    makeSlice('default/many', many.slice(100, 200), { name: 'b' }),
    makeSlice('default/many', many.slice(200), { name: 'c' }),
  ],
  settings: { hosts: { '192.0.2.7': ['printer.example.test'] } },
};

describe('the DNS of a node', needsNetwork, () => {
  let lab: NetLab;
  let node: NetSpace;
  let pod: NetSpace;
  let upstream: NetSpace;
  let dns: NetProcess;

  before(async () => {
    lab = await NetLab.open();
    [node, upstream] = await lab.spaces('node', 'upstream');
    await lab.cable([node, 'eth0', '192.0.2.1/24'], [upstream, 'eth0', '192.0.2.53/24']);
    pod = await lab.pod(node, 'pod', '10.42.0.20');
    const folder = path.join(lab.folder, 'dns');
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(path.join(lab.folder, 'objects.json'), JSON.stringify(objects));
    writeFileSync(path.join(lab.folder, 'resolv.conf'), 'nameserver 192.0.2.53\n');
    const world = upstream.script('test/network/dns-upstream.ts', '192.0.2.53');
    await world.says('listening');
    dns = node.script(
      'test/network/dns-node.ts',
      ...['objects.json', 'dns', 'resolv.conf'].map((file) => path.join(lab.folder, file)),
    );
    await dns.says('listening');
    programs['musl'] = [await muslProgram(lab.folder)];
    const searches = 'default.svc.cluster.local svc.cluster.local cluster.local';
    writeFileSync(resolvConf(), `nameserver ${server}\nsearch ${searches}\noptions ndots:5\n`);
  });
  after(() => lab?.close());

  /** The answers' data, sorted. */
  const short = async (from: NetSpace, ...words: readonly string[]): Promise<string> =>
    (await from.must('dig', `@${server}`, '+short', '+tries=1', '+time=4', ...words))
      .trim()
      .split('\n')
      .toSorted()
      .join(' ');
  const status = async (...words: readonly string[]): Promise<string> => {
    const said = await pod.must('dig', `@${server}`, '+tries=1', '+time=4', ...words);
    return `${/status: (\w+)/.exec(said)?.[1]} ${/flags: ([\w ]+);/.exec(said)?.[1]}`;
  };

  const rows: readonly (readonly [string, string])[] = [
    [web, '10.43.0.99'],
    [db, '10.42.0.5 10.42.0.6'],
    [`db-0.${db}`, '10.42.0.5'],
    [`${web} AAAA`, ''],
    [`_http._tcp.${web} SRV`, `0 100 80 ${web}.`],
    [`_http._tcp.${db} SRV`, `0 50 8080 10-42-0-6.${db}. 0 50 8080 db-0.${db}.`],
    ['-x 10.43.0.99', `${web}.`],
    ['-x 10.42.0.5', `db-0.${db}.`],
    ['dns-version.cluster.local TXT', '"1.1.0"'],
    ['1-2-3-4.default.pod.cluster.local', '1.2.3.4'],
    ['ext.default.svc.cluster.local', '192.0.2.80 www.example.test.'],
    ['www.example.test', '192.0.2.80'],
    ['printer.example.test', '192.0.2.7'],
    ['nothing.example.test', ''],
  ];
  for (const [asked, answer] of rows)
    for (const transport of ['+notcp', '+tcp'])
      test(`dig ${asked} ${transport}: ${answer || 'nothing'}`, async () => {
        assert.equal(await short(pod, transport, ...asked.split(' ')), answer);
      });

  test('the node itself asks as its pods do', async () => assert.equal(await short(node, web), '10.43.0.99'));

  test('what is absent, and what is there without such a record, are told apart', async () => {
    assert.equal(await status('none.default.svc.cluster.local'), 'NXDOMAIN qr aa rd ra');
    assert.equal(await status(web, 'AAAA'), 'NOERROR qr aa rd ra');
    assert.equal(await status('nothing.example.test'), 'NXDOMAIN qr rd ra');
  });

  test('what does not fit is cut, and dig gets the rest by TCP', async () => {
    assert.equal(await status('+ignore', '+noedns', 'many.default.svc.cluster.local'), 'NOERROR qr aa tc rd ra');
    const all = await short(pod, 'many.default.svc.cluster.local');
    assert.equal(all.split(' ').length, many.length);
  });

  test('several questions go over one connection', async () => {
    const said = await pod.must('dig', `@${server}`, '+tcp', '+keepopen', '+short', web, `db-0.${db}`, web);
    assert.deepEqual(said.trim().split('\n'), ['10.43.0.99', '10.42.0.5', '10.43.0.99']);
  });

  test('other name servers in resolv.conf are heard of without a restart; while there is none, what is known holds', async () => {
    writeFileSync(path.join(lab.folder, 'resolv.conf'), 'nameserver 192.0.2.99\n');
    await eventually(
      'the other is asked',
      async () => (await status('new.example.test')).startsWith('SERVFAIL'),
      20_000,
    );
    assert.equal(await short(pod, web), '10.43.0.99');
    writeFileSync(path.join(lab.folder, 'resolv.conf'), 'nameserver 192.0.2.53\n');
    await eventually(
      'the first is asked again',
      async () => (await short(pod, 'www.example.test')) === '192.0.2.80',
      20_000,
    );
  });

  const programs: Record<string, readonly string[]> = { glibc: ['getent', 'ahosts'] };
  const resolvConf = (): string => path.join(lab.folder, 'pod-resolv.conf');

  /** The addresses that the program says, each once. */
  const addressesOf = async (libc: string, name: string): Promise<string[]> => {
    const shell = ['sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolvConf()];
    const { stdout } = await pod.run(['unshare', '--mount', ...shell, ...(programs[libc] ?? []), name]);
    return [...new Set(stdout.match(/^(?:\d+\.){3}\d+/gm))].toSorted();
  };

  const names: readonly (readonly [string, string])[] = [
    ['web', '10.43.0.99'],
    ['web.default', '10.43.0.99'],
    [web, '10.43.0.99'],
    ['db', '10.42.0.5 10.42.0.6'],
    ['db-0.db', '10.42.0.5'],
    ['ext', '192.0.2.80'],
    ['www.example.test', '192.0.2.80'],
    ['none', ''],
    ['none.example.test', ''],
  ];
  for (const libc of ['glibc', 'musl'])
    for (const [name, addresses] of names)
      test(`a program of ${libc} in a pod, with search paths: ${name} is ${addresses || 'nothing'}`, async () => {
        assert.equal((await addressesOf(libc, name)).join(' '), addresses);
      });

  test('a name with 250 addresses: glibc gets all of them by TCP, and an old musl, which knows no TCP, as many as fit', async () => {
    assert.equal((await addressesOf('glibc', 'many')).length, many.length);
    assert.ok((await addressesOf('musl', 'many')).length > 20);
  });

  test('the address stays on lo when the process ends, and its file says which it is', async () => {
    await dns.stop('SIGKILL');
    assert.match(await node.must('ip', '-o', 'address', 'show', 'dev', 'lo'), /10\.43\.0\.10\/32/);
    const noted: unknown = JSON.parse(readFileSync(path.join(lab.folder, 'dns', 'dns-addresses.json'), 'utf8'));
    assert.deepEqual(noted, [server]);
  });
});
