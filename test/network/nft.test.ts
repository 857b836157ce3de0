/** The lasting nft and the keeper of a table, in the real kernel. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { NftProcess } from '../../src/network/kernel/nft.ts';
import { NftKeeper } from '../../src/network/kernel/nft-keeper.ts';
import type { NftBase } from '../../src/network/kernel/nft-table.ts';
import { NetLab, type NetSpace, needsNetwork } from './net-lab.ts';

const base: NftBase = {
  family: 'inet',
  name: 'naru-test',
  sets: {
    pods: { kind: 'set', declaration: 'type ipv4_addr' },
    ports: { kind: 'map', declaration: 'type inet_service : verdict' },
  },
  chains: {
    inward: {
      hook: 'type filter hook input priority filter; policy accept;',
      rules: ['ip saddr @pods th dport vmap @ports'],
    },
  },
};

describe('nft', needsNetwork, () => {
  let lab: NetLab;
  let space: NetSpace;
  let nft: NftProcess;
  const clock = new RealClock({ keepsAlive: true });
  const keepers: NftKeeper[] = [];
  const keeper = (): NftKeeper => {
    const made = new NftKeeper({ base, nft, clock, prng: new SeededPrng(1), log: silentLogger });
    keepers.push(made);
    return made;
  };
  const listed = () => space.must('nft', 'list', 'table', 'inet', 'naru-test');

  before(async () => {
    lab = await NetLab.open();
    space = await lab.space('node');
    nft = new NftProcess({ folder: path.join(lab.folder, 'nft'), clock, program: space.inside(['nft']) });
  });

  after(async () => {
    for (const one of keepers) await one.close();
    await nft.close();
    await lab.close();
  });

  test('a transaction holds as a whole, or says which command was at fault and changes nothing', async () => {
    assert.deepEqual(await nft.run(['add table inet t', 'add chain inet t c']), []);
    assert.deepEqual(await nft.run(['add rule inet t c accept', 'add rule inet t c jump nowhere']), [
      { command: 1, message: 'Could not process rule: No such file or directory' },
    ]);
    assert.doesNotMatch(await space.must('nft', 'list', 'table', 'inet', 't'), /accept/);
    const [syntax] = await nft.run(['add rule inet t c accept', 'add rule inet t c no such words']);
    assert.equal(syntax?.command, 1);
    const large = Array.from({ length: 3000 }, (_, i) => `add rule inet t c ip saddr 10.0.${i >> 8}.${i & 255} accept`);
    const [refused] = await nft.run([...large, 'add rule inet t nowhere accept']);
    assert.equal(refused?.command, 3000);
    assert.deepEqual(await nft.run(large), []);
  });

  test('a keeper takes over what another left, finds who is at fault, and survives a flushed ruleset and the death of nft', async () => {
    const first = keeper();
    first.set('old', { elements: [{ set: 'pods', key: '10.0.0.9' }] });
    assert.deepEqual(await first.apply(), []);
    await first.close();
    const second = keeper();
    const chain = (rule: string, port: string) => ({
      chains: { [`c${port}`]: { rules: [rule] } },
      elements: [{ set: 'ports', key: port, value: `goto c${port}` }],
    });
    second.set('good', chain('accept', '80'));
    second.set('bad', chain('ip saddr 1.2.3.4 nonsense', '81'));
    const refusals = await second.apply();
    assert.deepEqual(
      refusals.map(({ owner }) => owner),
      ['bad'],
    );
    assert.match(await listed(), /80 : goto c80/);
    assert.doesNotMatch(await listed(), /10\.0\.0\.9|c81/);

    await space.must('nft', 'flush', 'ruleset');
    second.set('more', chain('drop', '82'));
    assert.deepEqual(await second.apply(), []);
    assert.match(await listed(), /80 : goto c80/);

    // The child of this test's own process that runs nft.
    const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
    const pid = Number(/^\s*(\d+) .*nft -i$/m.exec(children)?.[1]);
    process.kill(pid, 'SIGKILL');
    second.set('more', undefined);
    assert.deepEqual(await second.apply(), []);
    assert.doesNotMatch(await listed(), /c82/);
    assert.match(await listed(), /80 : goto c80/);
  });
});
