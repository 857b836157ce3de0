import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NetworkPolicyPeer } from '../../api/schema/types/networking-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { NftKeeper } from '../kernel/nft-keeper.ts';
import { FakeNft } from '../kernel/testing.ts';
import { a, b, c, from, Lab, namespace, onA, pod, policy, smallWorld } from './program-testing.ts';

describe('what changes in the world', () => {
  it('a pod that is new on the node is closed until it is known, while there are policies', () => {
    const lab = smallWorld();
    assert.ok(lab.passes('10.42.0.99>192.0.2.1:80'));
    lab.policies(policy('y', 'p', onA));
    assert.ok(!lab.passes('10.42.0.99>192.0.2.1:80'));
    assert.ok(!lab.passes('192.0.2.1>10.42.0.99:80'));
    lab.pods(pod('x', 'new', '10.42.0.99'));
    assert.ok(lab.passes('10.42.0.99>192.0.2.1:80'));
    assert.ok(lab.passes('192.0.2.1>10.42.0.99:80'));
  });

  it('without policies there is an empty table, also when the last one is gone', () => {
    const lab = smallWorld();
    assert.deepEqual(lab.apply(), []);
    assert.deepEqual(lab.table.base?.chains, {});
    lab.policies(policy('x', 'p', from([{ podSelector: {} }]))).apply();
    assert.ok(lab.table.owners.size > 0);
    lab.remove('policies', 'x/p').apply();
    assert.equal(lab.table.owners.size, 0);
    assert.deepEqual(lab.table.base?.chains, {});
    lab.pods(pod('x', 'd', '10.42.0.14'));
    assert.deepEqual(lab.apply(), []);
    lab.policies(policy('x', 'p', from([{ podSelector: {} }])));
    assert.ok(lab.passes(`10.42.0.14>${a}:80`));
  });

  it('labels of a pod and of a namespace change who is a peer', () => {
    const lab = smallWorld().policies(
      policy('x', 'p', from([{ namespaceSelector: { matchLabels: { team: 'two' } } }])),
    );
    assert.ok(lab.passes(`${c}>${a}:80`));
    lab.namespaces(namespace('y', { team: 'three' }));
    assert.ok(!lab.passes(`${c}>${a}:80`));
    lab.policies(policy('x', 'p', from([{ podSelector: { matchLabels: { role: 'client' } } }])));
    assert.ok(!lab.passes(`${b}>${a}:80`));
    lab.pods(pod('x', 'b', b, { labels: { role: 'client' } }));
    assert.ok(lab.passes(`${b}>${a}:80`));
  });

  it('a pod of a namespace that is not known yet is no peer by namespace, not even by exclusion', () => {
    const lab = smallWorld()
      .pods(pod('z', 'd', '10.42.1.1', { nodeName: 'node-2' }))
      .policies(
        policy(
          'x',
          'p',
          from([{ namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['two'] }] } }]),
        ),
      );
    assert.ok(!lab.passes(`10.42.1.1>${a}:80`));
    lab.namespaces(namespace('z'));
    assert.ok(lab.passes(`10.42.1.1>${a}:80`));
  });

  it('an address belongs to the pod that got it last, and one that is gone takes nothing along', () => {
    const lab = smallWorld().policies(policy('x', 'p', from([{ podSelector: { matchLabels: { app: 'b' } } }])));
    lab.pods(pod('y', 'next', b, { created: '1' }));
    assert.ok(!lab.passes(`${b}>${a}:80`));
    lab.remove('pods', 'x/b');
    assert.ok(!lab.passes(`${b}>${a}:80`));
    lab.remove('pods', 'y/next').pods(pod('x', 'b', b));
    assert.ok(lab.passes(`${b}>${a}:80`));
    lab.pods(pod('x', 'b', '10.42.0.77'));
    assert.ok(lab.passes(`10.42.0.77>${a}:80`));
    assert.ok(!lab.passes(`${b}>${a}:80`));
  });

  it('a policy that the kernel refuses isolates its pods and allows nothing', () => {
    const lab = smallWorld().policies(policy('x', 'p', from([{ podSelector: {} }])));
    assert.ok(lab.passes(`${b}>${a}:80`));
    lab.program.closePolicy('x/p');
    assert.ok(!lab.passes(`${b}>${a}:80`));
    assert.ok(lab.passes(`${b}>${c}:80`));
  });

  it('what is no range of addresses is told and left out, and the rest of the policy counts', () => {
    const lab = smallWorld();
    const spec = from([{ ipBlock: { cidr: '10.0.0.0/33' } }, { podSelector: {} }]);
    assert.deepEqual(lab.program.setPolicy('x/p', policy('x', 'p', spec)), [
      '"10.0.0.0/33" is not a range of addresses, as 10.0.0.0/8',
    ]);
    assert.ok(lab.passes(`${b}>${a}:80`));
    assert.ok(!lab.passes(`${c}>${a}:80`));
  });

  it('an update of a pod that policies do not ask about changes nothing', () => {
    const lab = smallWorld().policies(policy('x', 'p', from([{ podSelector: {} }])));
    lab.apply();
    const seen = pod('x', 'b', b);
    lab.pods({ ...seen, status: { ...seen.status, message: 'other words' } });
    assert.deepEqual(lab.apply(), []);
  });
});

describe('how much a change costs', () => {
  it('a changed pod is at most one command for each set that it enters or leaves, among a thousand policies', async () => {
    const nft = new FakeNft();
    const lab = smallWorld();
    const clock = new VirtualClock();
    const keeper = new NftKeeper({ base: lab.program.base, nft, clock, prng: new SeededPrng(1), log: silentLogger });
    const apply = async (): Promise<void> => {
      keeper.setBase(lab.program.base);
      for (const { owner, fragment } of lab.program.take()) keeper.set(owner, fragment);
      assert.deepEqual(await keeper.apply(), []);
    };
    for (let index = 0; index < 1000; index++) {
      const peers = [{ podSelector: { matchLabels: { role: `r${index % 10}` } } }, { namespaceSelector: {} }];
      lab.policies(policy('x', `p${index}`, from(peers, [{ port: index + 1 }, { port: 'web' }])));
    }
    await apply();
    // Ten distinct lists of selectors, each with all pods by its second peer.
    lab.pods(pod('y', 'new', '10.42.1.9', { nodeName: 'node-2', labels: { role: 'r3' } }));
    await apply();
    const added = nft.transactions.at(-1) ?? [];
    assert.ok(added.length <= 10 && added.every((command) => command.startsWith('add element')), added.join('\n'));
    lab.remove('pods', 'y/new');
    await apply();
    const removed = nft.transactions.at(-1) ?? [];
    assert.ok(
      removed.length <= 10 && removed.every((command) => command.startsWith('delete element')),
      removed.join('\n'),
    );
    await keeper.close();
  });

  it('a changed pod is one fragment of few elements among a thousand policies and five thousand pods', () => {
    const lab = new Lab();
    for (let index = 0; index < 100; index++) lab.program.setNamespace(`ns-${index}`, namespace(`ns-${index}`));
    for (let index = 0; index < 1000; index++) {
      const peers: NetworkPolicyPeer[] = [
        { podSelector: { matchLabels: { role: `r${index % 7}` } } },
        { namespaceSelector: { matchLabels: { of: 'all' } } },
      ];
      lab.program.setPolicy(
        `p${index}`,
        policy(`ns-${index % 100}`, `p${index}`, {
          podSelector: {},
          ingress: [{ from: peers, ports: [{ port: 80 }] }],
        }),
      );
    }
    for (let index = 0; index < 5000; index++) {
      const ip = `10.42.${index >> 8}.${index & 255}`;
      lab.program.setPod(
        ip,
        pod(`ns-${index % 100}`, `pod-${index}`, ip, {
          labels: { role: `r${index % 7}` },
          nodeName: `node-${index % 50}`,
        }),
      );
    }
    lab.apply();
    lab.table.load();
    lab.program.setPod('10.42.0.5', pod('ns-5', 'pod-5', '10.42.0.5', { labels: { role: 'r1' }, nodeName: 'node-5' }));
    assert.deepEqual(lab.apply(), ['address/10.42.0.5']);
    const elements = lab.table.owners.get('address/10.42.0.5')?.elements ?? [];
    assert.ok(elements.length <= 2, `${elements.length} elements`);
    lab.program.setPod('new', pod('ns-1', 'new', '10.42.200.1', { labels: { role: 'r3' } }));
    assert.deepEqual(lab.apply(), ['address/10.42.200.1']);
  });

  it('a policy of a thousand rules is a few rules on the way of a packet, whatever its ports and peers', () => {
    const blocks = Array.from({ length: 1000 }, (_, index) => ({
      from: [{ ipBlock: { cidr: `172.${16 + (index >> 8)}.${index & 255}.0/24` } }],
      ports: [{ port: 1000 + index }, { port: 20_000, endPort: 20_000 + index }],
    }));
    const lab = smallWorld().policies(policy('x', 'p', { ...onA, ingress: blocks }));
    lab.apply();
    const table = lab.table.load();
    const asks = (from: string, port: number): boolean => table.forwards({ from, to: a, protocol: 'tcp', port });
    assert.ok(asks('172.16.7.1', 1007));
    assert.ok(table.steps < 100, `${table.steps} rules`);
    assert.ok(!asks('172.16.7.1', 1008));
    assert.ok(table.steps < 100, `${table.steps} rules`);
    assert.ok(asks('172.18.0.1', 20_500));
    assert.ok(!asks('172.18.0.1', 20_800));
    assert.ok(lab.table.elementCount < 200_000, `${lab.table.elementCount} elements`);
  });
});
