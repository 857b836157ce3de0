/** Who is told of which node's images, and how an archive comes through; the whole way, with containers, is in test/cluster/shared-images.test.ts. */
import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { Node, Pod } from '../api/schema/types/core-v1.ts';
import {
  formatLocalImages,
  type LocalImage,
  localImagesAnnotation,
  sharedImagePath,
  sharesImagesLabel,
} from '../api/shared-images.ts';
import { StatusError } from '../api/status-error.ts';
import type { NodeRequest } from '../client/node-api.ts';
import type { RequestContext } from './context.ts';
import { NodeConnectionTable } from './node-tunnel.ts';
import { SharedImageServer } from './shared-images.ts';

const name = 'docker.io/shop/web:1';
const idOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

function node(own: string, images: readonly LocalImage[], ready: 'True' | 'Unknown' = 'True'): Node {
  return {
    metadata: {
      name: own,
      labels: { [sharesImagesLabel]: 'true' },
      annotations: { [localImagesAnnotation]: formatLocalImages(images) },
    },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  };
}

const image = (digit: string, importedAtMs: number): LocalImage => ({ name, id: idOf(digit), importedAtMs });
const pod: Pod = { spec: { containers: [{ name: 'app', image: 'shop/web:1' }] } };

function setUp(nodes: readonly Node[], pods: readonly Pod[] = [pod], ownNode?: string) {
  const connections = new NodeConnectionTable();
  const canonical = (text: string): string => {
    if (text === '') throw new Error('no name');
    return `docker.io/${text}`;
  };
  const podsOn = async (asking: string): Promise<readonly Pod[]> => (asking === 'n9' ? pods : []);
  const server = new SharedImageServer({ ownNode, connections, nodes: () => nodes, podsOn, canonical });
  return { connections, server, asking: server.forNode('n9') };
}

const isRefusal = (code: number, words: RegExp) => (error: unknown) =>
  error instanceof StatusError && error.code === code && words.test(error.message);

test('the newest of a name is offered, by all Ready nodes that have that very one', async () => {
  const { asking } = setUp([
    node('n1', [image('a', 1)]),
    node('n2', [{ ...image('b', 9), name: 'docker.io/other:1' }, image('b', 2)]),
    node('n3', [image('b', 3)]),
    node('n4', [image('c', 9)], 'Unknown'),
    node('n9', [image('d', 9)]),
    { metadata: { name: 'n5', annotations: { [localImagesAnnotation]: '{broken' } } },
  ]);
  const offers = [
    { node: 'n3', id: idOf('b') },
    { node: 'n2', id: idOf('b') },
  ];
  assert.deepEqual(await asking.offers(name), offers);
  assert.deepEqual(await asking.offers('docker.io/none:1'), []);
});

test('a node that nobody trusts with it offers nothing; the server’s own machine does', async () => {
  const { metadata, status } = node('n1', [image('a', 1)]);
  const plain: Node = { metadata: { ...metadata, labels: {} }, status: status ?? {} };
  const { asking } = setUp([plain]);
  assert.deepEqual(await asking.offers(name), []);
  await assert.rejects(asking.open(name, 'n1'), isRefusal(404, /^node n1 has no image/));
  assert.deepEqual(await setUp([plain], [pod], 'n1').asking.offers(name), [{ node: 'n1', id: idOf('a') }]);
});

test('a node is told of no image that none of its pods names', async () => {
  const having = [node('n1', [image('a', 1)])];
  const other: Pod = {
    spec: {
      containers: [
        { name: 'app', image: 'shop/web:2' },
        { name: 'odd', image: '' },
      ],
    },
  };
  await assert.rejects(setUp(having, [other]).asking.offers(name), isRefusal(403, /^no pod on node n9 names image/));
  await assert.rejects(setUp(having, [other]).asking.open(name, 'n1'), isRefusal(403, /^no pod on node n9/));
  await assert.rejects(setUp(having).server.forNode('n8').offers(name), isRefusal(403, /^no pod on node n8/));
  const shown: Pod = { spec: { containers: [], volumes: [{ name: 'v', image: { reference: 'shop/web:1' } }] } };
  assert.equal((await setUp(having, [shown]).asking.offers(name)).length, 1, 'a volume names it');
});

test('the archive comes over the node’s connection; its reason where it has none; nothing of what it does not tell', async () => {
  const { connections, asking } = setUp([node('n1', [image('a', 1)])]);
  await assert.rejects(asking.open(name, 'n1'), isRefusal(503, /not connected/));
  const asked: NodeRequest[] = [];
  const answers = [
    { status: 200, headers: {}, body: Readable.from([Buffer.from('arch'), Buffer.from('ive')]) },
    { status: 404, headers: {}, body: Readable.from([Buffer.from('{"message":"image is no longer there"}')]) },
  ];
  connections.register('n1', {
    handle: async (request) => {
      asked.push(request);
      return answers[asked.length - 1] ?? assert.fail();
    },
  });
  assert.equal(await text(await asking.open(name, 'n1')), 'archive');
  assert.equal(asked[0]?.path, `/localImages/docker.io%2Fshop%2Fweb%3A1?id=sha256%3A${'a'.repeat(64)}`);
  await assert.rejects(asking.open(name, 'n1'), isRefusal(404, /^image is no longer there$/));
  await assert.rejects(asking.open('docker.io/other:1', 'n1'), isRefusal(404, /^node n1 has no image/));
  assert.equal(asked.length, 2);
});

test('over HTTP only a node is answered, and a broken archive does not end as a whole one', async () => {
  const { connections, server } = setUp([node('n1', [image('a', 1)])]);
  const ask = (user: string, url: string, method = 'GET') => {
    const out = new PassThrough();
    const state = { aborted: false, out };
    const { pathname, searchParams } = new URL(url, 'https://naru');
    const exchange = { method, onClose: () => {}, stream: () => out, abort: () => void (state.aborted = true) };
    const context = { exchange, path: pathname, query: searchParams, user: { name: user, groups: ['system:nodes'] } };
    return { state, answer: server.answer({ ...context, headers: {} } as unknown as RequestContext) };
  };
  const offers = await ask('system:node:n9', sharedImagePath(name)).answer;
  assert.deepEqual(JSON.parse(Buffer.concat(offers?.body ?? []).toString()), {
    offers: [{ node: 'n1', id: idOf('a') }],
  });
  await assert.rejects(ask('admin', sharedImagePath(name)).answer, isRefusal(403, /for nodes alone/));
  await assert.rejects(ask('system:node:n9', sharedImagePath('docker.io/x:1')).answer, isRefusal(404, /no node has/));
  await assert.rejects(ask('system:node:n9', sharedImagePath(name), 'POST').answer, isRefusal(405, /method/));
  const body = new PassThrough();
  connections.register('n1', { handle: async () => ({ status: 200, headers: {}, body }) });
  const { state, answer } = ask('system:node:n9', sharedImagePath(name, 'n1'));
  body.write('half');
  setImmediate(() => body.destroy(new Error('ctr was killed')));
  assert.equal(await answer, undefined);
  assert.ok(state.aborted);
});
