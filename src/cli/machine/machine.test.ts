import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Node, Pod, Secret } from '../../api/schema/types/core-v1.ts';
import { configMaps, endpoints, namespaces, roleBindings } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { homeOf } from '../../home.ts';
import { formatTime } from '../../lib/clock.ts';
import { agentProgramAnswer } from '../../server/agent-programs.ts';
import { readSettings, updateSettings } from '../settings.ts';
import { authorityOf, publishClusterInfo } from './cluster-info.ts';
import { changesListening, checkHost } from './listening.ts';
import { nodeRows } from './node-list.ts';
import { joinAddress, outsideAddresses } from './server-address.ts';
import { tokenLines } from './token.ts';

const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

test('cluster-info says where the cluster is and whom to trust, to anybody; told anew, it is brought up to date', async () => {
  const { client } = await startTestApi();
  await client.create(namespaces, { metadata: { name: 'kube-public' } });
  const place = { namespace: 'kube-public', name: 'cluster-info' };
  const text = async (): Promise<string> => (await client.get(configMaps, place)).data?.['kubeconfig'] ?? '';
  await publishClusterInfo(client, { server: 'https://10.0.0.1:6443', ca });
  assert.equal(authorityOf(await text()), ca);
  await publishClusterInfo(client, { server: 'https://10.0.0.2:6443', ca });
  assert.match(await text(), /server: https:\/\/10\.0\.0\.2:6443/);
  const { items } = await client.list(roleBindings, { namespace: 'kube-public' });
  assert.ok(items[0]?.subjects?.some(({ name }) => name === 'system:anonymous'));
  assert.equal(authorityOf('apiVersion: v1'), undefined);
});

test('tokens are listed without their secrets, in one line each', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const token = (id: string, more: Readonly<Record<string, string>>): Secret => ({
    data: Object.fromEntries(
      Object.entries({ 'token-id': id, 'token-secret': 'hush', ...more }).map(([key, text]) => [
        key,
        Buffer.from(text).toString('base64'),
      ]),
    ),
  });
  const lines = tokenLines(
    [
      token('aaaaaa', { expiration: formatTime(nowMs + 90 * 60_000), description: 'a\nb' }),
      token('bbbbbb', { expiration: formatTime(nowMs + 24 * 3_600_000) }),
      token('cccccc', { expiration: formatTime(nowMs - 1000) }),
      token('dddddd', {}),
    ],
    nowMs,
  );
  assert.deepEqual(lines, [
    'ID      GOOD FOR    DESCRIPTION',
    'aaaaaa  90m         a b',
    'bbbbbb  24h',
    'cccccc  expired',
    'dddddd  ever',
  ]);
});

test('where other machines find the server: as the kubeconfig says, and not on the loopback device', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-address-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { client } = await startTestApi();
  await client.create(endpoints, {
    metadata: { namespace: 'default', name: 'kubernetes' },
    subsets: [{ addresses: [{ ip: '10.0.0.7' }] }],
  });
  const at = (server: string) => joinAddress(homeOf(folder), { server, namespace: 'default' }, client);
  assert.equal(await at('https://10.0.0.7:7443'), '10.0.0.7:7443');
  assert.equal(await at('https://api.example.com'), 'api.example.com:443');
  await assert.rejects(at('https://127.0.0.1:6443'), /run this on the machine of the server/);
});

test('addresses of pods’ cables and of the loopback device are none of the machine’s', () => {
  const address = (text: string, internal = false) => ({
    address: text,
    internal,
    netmask: '',
    family: 'IPv4',
    mac: '',
    cidr: '',
  });
  const interfaces = {
    lo: [address('127.0.0.1', true)],
    eth0: [address('192.168.1.5'), address('fe80::1')],
    veth1: [address('10.42.3.1')],
  } as unknown as ReturnType<typeof os.networkInterfaces>;
  assert.deepEqual(outsideAddresses('10.42.3.0/24', interfaces), ['192.168.1.5']);
  checkHost('192.168.1.5', interfaces);
  checkHost('0.0.0.0', interfaces);
  assert.throws(() => checkHost('192.168.1.6', interfaces), /no such address; it has 192\.168\.1\.5/);
  assert.throws(() => checkHost('myhost', interfaces), /takes an address of this machine/);
});

test('names for the certificate are kept, compared and checked', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-names-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = homeOf(folder);
  await updateSettings(home, { tlsSan: 'API.example.com, 203.0.113.7,' });
  const settings = readSettings(home);
  assert.deepEqual(settings.tlsSans, ['api.example.com', '203.0.113.7']);
  assert.equal(changesListening({ tlsSan: 'api.example.com,203.0.113.7' }, settings), false);
  assert.equal(changesListening({ tlsSan: '' }, settings), true);
  assert.equal(changesListening({ host: '127.0.0.1' }, settings), false);
  assert.equal(changesListening({ host: '0.0.0.0' }, settings), true);
  await assert.rejects(updateSettings(home, { tlsSan: 'a b' }), /--tls-san takes names and addresses/);
});

test('a node’s row: its state, its address, and how much of it is asked for', () => {
  const nowMs = Date.UTC(2026, 0, 2);
  const node = {
    metadata: { name: 'n1', creationTimestamp: formatTime(nowMs - 3 * 3_600_000) },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      allocatable: { cpu: '2', memory: '1Gi', pods: '110' },
      nodeInfo: { kubeletVersion: 'v1.36.0+naru' },
    },
  } as unknown as Node;
  const pod: Pod = {
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '500m', memory: '512Mi' } } }],
    },
  };
  assert.deepEqual(nodeRows([node], [pod, { spec: { containers: [] } }], nowMs), [
    ['n1', 'Ready,SchedulingDisabled', 'v1.36.0+naru', '10.0.0.1', '1/110', '25%', '50%', '3h'],
  ]);
});

test('nodes get a program by its digest, and nothing else out of that folder', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-programs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const digest = 'ab'.repeat(32);
  mkdirSync(path.join(folder, 'programs'));
  writeFileSync(path.join(folder, 'programs', digest), 'program');
  writeFileSync(path.join(folder, 'secret'), 'hush');
  const ask = (...segments: string[]) => agentProgramAnswer(path.join(folder, 'programs'), segments);
  assert.equal(Buffer.concat((await ask('agent', digest))?.body ?? []).toString(), 'program');
  for (const segments of [
    ['agent'],
    ['agent', 'cd'.repeat(32)],
    ['agent', '../secret'],
    ['agent', digest, 'x'],
    ['x', digest],
  ]) {
    assert.equal(await ask(...segments), undefined, segments.join('/'));
  }
  assert.equal(await agentProgramAnswer(undefined, ['agent', digest]), undefined);
});
