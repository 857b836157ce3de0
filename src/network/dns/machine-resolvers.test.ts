/** Which name servers the machine has: read, read again when changed, never our own, and those behind a stub. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { MachineResolvers, parseNameServers } from './machine-resolvers.ts';

function world(t: TestContext) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-dns-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = { main: path.join(folder, 'resolv.conf'), behindStub: path.join(folder, 'behind.conf') };
  const clock = new VirtualClock();
  const changes: number[] = [];
  const machine = new MachineResolvers({ clock, changed: () => void changes.push(clock.monotonic()), files });
  const servers = (own: readonly string[] = []): string[] => machine.servers(own).map(({ address }) => address);
  return { files, clock, machine, changes, servers };
}

test('lines of resolv.conf: rows', () => {
  const text = [
    '# nameserver 1.1.1.1',
    'search a b',
    ' nameserver  10.0.0.2 ',
    'nameserver fd00::2',
    'nameserver x',
    '',
  ];
  assert.deepEqual(parseNameServers(text.join('\n')), [
    { address: '10.0.0.2', port: 53 },
    { address: 'fd00::2', port: 53 },
  ]);
});

test('a change is seen some seconds later, and told; the same again is none; a file that is away leaves all as it was', async (t) => {
  const { files, clock, machine, changes, servers } = world(t);
  writeFileSync(files.main, 'nameserver 10.0.0.2\n');
  await machine.look();
  assert.deepEqual(servers(), ['10.0.0.2']);
  writeFileSync(files.main, 'nameserver 10.0.0.3\n');
  assert.deepEqual(servers(), ['10.0.0.2']);
  await clock.advance(5000);
  await machine.look();
  assert.deepEqual(servers(), ['10.0.0.3']);
  await machine.look();
  assert.equal(changes.length, 2);
  rmSync(files.main);
  await machine.look();
  assert.deepEqual(servers(), ['10.0.0.3']);
});

test('the cluster’s own name server is left out', async (t) => {
  const { files, machine, servers } = world(t);
  writeFileSync(files.main, 'nameserver 10.43.0.10\nnameserver 10.0.0.2\nnameserver FD00:0::10\n');
  await machine.look();
  assert.deepEqual(servers(['10.43.0.10', 'fd00::10']), ['10.0.0.2']);
});

test('behind the stub of systemd-resolved are those that it asks; where their file is away, the stub stays', async (t) => {
  const { files, machine, servers } = world(t);
  writeFileSync(files.main, 'nameserver 127.0.0.53\noptions edns0\n');
  await machine.look();
  assert.deepEqual(servers(), ['127.0.0.53']);
  writeFileSync(files.behindStub, 'nameserver 192.0.2.1\nnameserver 192.0.2.2\n');
  await machine.look();
  assert.deepEqual(servers(), ['192.0.2.1', '192.0.2.2']);
});
