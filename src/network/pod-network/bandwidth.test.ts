import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { bandwidthLimit, egressFragment, ingressQueue } from './bandwidth.ts';

const pod = (annotations: Readonly<Record<string, string>>, more: Partial<Pod> = {}): Pod => ({
  metadata: { name: 'a', annotations },
  spec: { containers: [] },
  status: { podIPs: [{ ip: '10.42.0.5' }, { ip: 'fd00::5' }] },
  ...more,
});
const [ingress, egress] = ['kubernetes.io/ingress-bandwidth', 'kubernetes.io/egress-bandwidth'];

test('a pod takes and sends as much as its annotations say', () => {
  const limit = bandwidthLimit(pod({ [ingress]: '10M', [egress]: '1M' }));
  assert.ok(limit);
  assert.equal(ingressQueue(limit), 'tbf rate 10000000bit burst 32768 latency 25ms');
  assert.deepEqual(egressFragment([limit])?.chains?.['bandwidth']?.rules, [
    'ip saddr 10.42.0.5 limit rate over 125000 bytes/second burst 32768 bytes drop',
    'ip6 saddr fd00::5 limit rate over 125000 bytes/second burst 32768 bytes drop',
  ]);
});

test('one direction alone; others cost nothing', () => {
  const limit = bandwidthLimit(pod({ [ingress]: '1Gi' }));
  assert.ok(limit);
  assert.equal(egressFragment([limit]), undefined);
  assert.equal(ingressQueue(bandwidthLimit(pod({ [egress]: '1M' })) ?? { addresses: [] }), undefined);
  const beyond = bandwidthLimit(pod({ [egress]: '1T' }));
  assert.ok(beyond);
  assert.equal(egressFragment([beyond]), undefined, 'faster than the kernel counts');
  assert.equal(bandwidthLimit(pod({})), undefined);
  assert.equal(bandwidthLimit(pod({ [egress]: '1M' }, { spec: { containers: [], hostNetwork: true } })), undefined);
  assert.equal(bandwidthLimit(pod({ [egress]: '1M' }, { status: { phase: 'Failed' } })), undefined);
});

test('what is no rate is told', () => {
  for (const text of ['fast', '1', '2P', '-1M']) {
    assert.throws(
      () => bandwidthLimit(pod({ [egress]: text })),
      /^Error: annotation kubernetes\.io\/egress-bandwidth takes bits a second/,
    );
  }
});
