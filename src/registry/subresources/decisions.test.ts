import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { authorityPem, make, rejection, requestPem, startRegistry, type TestRegistry } from '../testing.ts';

const requests = 'certificatesigningrequests.certificates.k8s.io';
const merge = { type: 'merge' } as const;
const approval = { ...merge, subresource: 'approval' };
const status = { ...merge, subresource: 'status' };
const approved = { type: 'Approved', status: 'True' };
const denied = { type: 'Denied', status: 'True' };

const certificate = Buffer.from(authorityPem).toString('base64');

async function withRequest(): Promise<TestRegistry> {
  const cluster = await startRegistry();
  const spec = { request: requestPem, signerName: 'a.b/c', usages: ['client auth'] };
  await cluster.create(requests, { metadata: { name: 'csr' }, spec });
  return cluster;
}

describe('certificate signing requests', () => {
  test('what cannot be signed is refused', async () => {
    const cluster = await startRegistry();
    const refused = async (spec: object): Promise<string> => {
      const whole = { request: requestPem, signerName: 'a.b/c', usages: ['client auth'], ...spec };
      return (await rejection(cluster.create(requests, { metadata: { name: 'csr' }, spec: whole }), 'Invalid')).message;
    };
    assert.match(
      await refused({ request: 'eA==' }),
      /spec\.request: Invalid value: .*: PEM block type must be CERTIFICATE REQUEST/,
    );
    assert.match(await refused({ usages: [] }), /spec\.usages: Required value/);
    assert.match(await refused({ usages: ['any', 'any'] }), /spec\.usages\[1\]: Duplicate value: "any"/);
    assert.match(await refused({ usages: ['flying'] }), /spec\.usages\[0\]: Unsupported value: "flying"/);
    assert.match(await refused({ signerName: 'none' }), /spec\.signerName: Invalid value: "none"/);
    assert.match(
      await refused({ expirationSeconds: 599 }),
      /may not specify a duration less than 600 seconds \(10 minutes\)/,
    );
  });

  test('are approved or denied, not both, and for good', async () => {
    const cluster = await withRequest();
    const both = cluster.patch(requests, 'csr', { status: { conditions: [approved, denied] } }, approval);
    assert.match(
      (await rejection(both, 'Invalid')).message,
      /status\.conditions\[1\]\.type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive/,
    );
    const unsure = cluster.patch(
      requests,
      'csr',
      { status: { conditions: [{ ...approved, status: 'Unknown' }] } },
      approval,
    );
    assert.match(
      (await rejection(unsure, 'Invalid')).message,
      /status\.conditions\[0\]\.status: Unsupported value: "Unknown": supported values: "True"/,
    );
    await cluster.patch(requests, 'csr', { status: { conditions: [approved] } }, approval);
    const { conditions } = (await cluster.get(requests, 'csr')).status as unknown as { conditions: object[] };
    const time = '2026-01-01T00:00:00Z';
    assert.deepEqual(conditions, [{ ...approved, lastUpdateTime: time, lastTransitionTime: time }]);
    const undone = cluster.patch(requests, 'csr', { status: { conditions: [] } }, approval);
    assert.match(
      (await rejection(undone, 'Invalid')).message,
      /status\.conditions: Forbidden: updates may not remove a condition of type "Approved"/,
    );
  });

  test('take annotations through /approval and /status, and nothing of the spec', async () => {
    const cluster = await withRequest();
    const before = await cluster.get(requests, 'csr');
    for (const part of [approval, status]) {
      const patch = { metadata: { annotations: { [part.subresource]: 'seen' } }, spec: { signerName: 'other.io/x' } };
      await cluster.patch(requests, 'csr', patch, part);
    }
    const after = await cluster.get(requests, 'csr');
    assert.deepEqual(after.metadata.annotations, { approval: 'seen', status: 'seen' });
    assert.deepEqual(after.spec, before.spec);
  });

  test('get their certificate through /status, once, and never through /approval', async () => {
    const cluster = await withRequest();
    await cluster.patch(requests, 'csr', { status: { certificate } }, approval);
    assert.equal(
      ((await cluster.get(requests, 'csr')) as unknown as { status: { certificate?: string } }).status.certificate,
      undefined,
    );
    const wrong = cluster.patch(requests, 'csr', { status: { certificate: requestPem } }, status);
    assert.match(
      (await rejection(wrong, 'Invalid')).message,
      /only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"/,
    );
    const nothing = cluster.patch(requests, 'csr', { status: { certificate: 'eA==' } }, status);
    assert.match((await rejection(nothing, 'Invalid')).message, /must contain at least one CERTIFICATE PEM block/);
    await cluster.patch(requests, 'csr', { status: { certificate, conditions: [approved] } }, status);
    const standing = (await cluster.get(requests, 'csr')) as unknown as {
      status: { certificate?: string; conditions?: object[] };
    };
    assert.equal(standing.status.certificate, certificate);
    assert.equal(standing.status.conditions, undefined, 'who issues does not approve');
    const again = cluster.patch(
      requests,
      'csr',
      { status: { certificate: Buffer.from('x').toString('base64') } },
      status,
    );
    assert.match((await rejection(again, 'Invalid')).message, /updates may not modify existing certificate content/);
  });
});

test('a binding brings the labels and annotations that it names, and the zone of the node', async () => {
  const cluster = await startRegistry();
  const zone = { 'topology.kubernetes.io/zone': 'z1' };
  await cluster.create('nodes', make.node({ metadata: { labels: { ...zone, other: 'o' } } }));
  await cluster.create('pods', make.pod({ metadata: { labels: { a: '1', b: '1' } } }));
  await cluster.patch('pods', 'pod', { status: { nominatedNodeName: 'n2' } }, { subresource: 'status' });
  const metadata = { name: 'pod', labels: { b: '2' }, annotations: { c: '3' } };
  await cluster.create('pods', { metadata, target: { name: 'n1' } }, { name: 'pod', subresource: 'binding' });
  const pod = (await cluster.get('pods', 'pod')) as unknown as {
    metadata: { labels: object; annotations: object };
    status: { nominatedNodeName?: string };
  };
  assert.deepEqual(pod.metadata.labels, { a: '1', b: '2', ...zone });
  assert.deepEqual(pod.metadata.annotations, { c: '3' });
  assert.equal(pod.status.nominatedNodeName, undefined);
  const other = cluster.create(
    'pods',
    { metadata: { name: 'x' }, target: { name: 'n1' } },
    { name: 'pod', subresource: 'binding' },
  );
  assert.equal((await rejection(other, 'BadRequest')).message, 'name in URL does not match name in Binding object');
  await cluster.create('pods', make.pod({ spec: { nodeName: 'n1' } }, 'placed'));
  assert.deepEqual((await cluster.get('pods', 'placed')).metadata.labels, zone);
});

test('a resize changes cpu and memory, and nothing else', async () => {
  const cluster = await startRegistry();
  const requests_ = { cpu: '100m', memory: '1Gi', 'ephemeral-storage': '1Gi' };
  const container = (resources: object) => ({ spec: { containers: [{ name: 'main', image: 'i', resources }] } });
  await cluster.create(
    'pods',
    make.pod({ spec: { containers: [{ name: 'main', image: 'i', resources: { requests: requests_ } }] } }),
  );
  const resize = (resources: object) =>
    cluster.patch('pods', 'pod', container(resources), { subresource: 'resize', type: 'merge' });
  const removed = resize({ requests: { cpu: '200m', memory: null } });
  assert.match(
    (await rejection(removed, 'Invalid')).message,
    /spec\.containers\[0\]\.resources\.requests: Forbidden: resource requests cannot be removed/,
  );
  const storage = resize({ requests: { ...requests_, 'ephemeral-storage': '2Gi' } });
  assert.match(
    (await rejection(storage, 'Invalid')).message,
    /spec: Forbidden: only cpu and memory resources are mutable/,
  );
  const better = resize({ requests: requests_, limits: { cpu: '100m', memory: '1Gi' } });
  assert.match((await rejection(better, 'Invalid')).message, /Pod QOS Class may not change as a result of resizing/);
  await resize({ requests: { ...requests_, cpu: '200m' } });
  const pod = (await cluster.get('pods', 'pod')) as unknown as { spec: { containers: { resources: object }[] } };
  assert.deepEqual(pod.spec.containers[0]?.resources, { requests: { ...requests_, cpu: '200m' } });
});
