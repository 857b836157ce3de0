/** Addresses of pools on a real network: who holds one is reached at once, also by those who knew the holder before. */
import assert from 'node:assert/strict';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { root } from '../harness.ts';
import { NetLab, type NetSpace, needsNetwork } from './net-lab.ts';

describe('an address that moves', needsNetwork, () => {
  let lab: NetLab;
  let one: NetSpace;
  let two: NetSpace;
  let client: NetSpace;

  before(async () => {
    lab = await NetLab.open();
    const [segment, ...machines] = await lab.spaces('segment', 'one', 'two', 'client');
    [one, two, client] = machines;
    await segment.ip('link add br0 type bridge');
    await segment.ip('link set br0 up');
    for (const [index, machine] of machines.entries()) {
      const cable = `v-${machine.name}`;
      await lab.cable([segment, cable], [machine, 'eth0', `10.90.0.${11 + index}/24`, `fd90::${11 + index}/64`]);
      await segment.ip(`link set ${cable} master br0`);
    }
    for (const machine of [one, two]) await machine.echo('tcp:7');
  });

  after(() => lab.close());

  const announce = (space: NetSpace, ...args: string[]): Promise<string> =>
    space.must(process.execPath, path.join(root, 'test/network/hold-address.ts'), ...args);

  for (const [family, address, waitMs] of [
    ['IPv4', '10.90.0.200', 1000],
    ['IPv6', 'fd90::200', 5000],
  ] as const) {
    test(`is reached at its new holder by a client that knew the old one, ${family}`, async () => {
      assert.equal((await announce(one, 'hold', address)).trim(), 'eth0');
      assert.match(await client.tcp(address, 7, 5000), /^one /);
      await announce(one, 'drop', address, 'eth0');
      await announce(one, 'drop', address, 'eth0');
      await announce(two, 'hold', address, 'eth0');
      assert.match(await client.tcp(address, 7, waitMs), /^two /);
      await announce(two, 'drop', address, 'eth0');
    });
  }
});
