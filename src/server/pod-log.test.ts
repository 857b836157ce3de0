import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { badRequest } from '../api/status-error.ts';
import { RealClock } from '../lib/clock.ts';
import { logCall } from './pod-log.ts';
import { type Http2Client, startTestServer, type TestServer } from './testing.ts';

const pod = (spec: object): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default' }, spec }) as unknown as Pod;
const two = pod({ nodeName: 'n1', containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }] });
const ask = (subject: Pod, query = '') => logCall(subject, new URLSearchParams(query));

test('a container must be named where there are several', () => {
  assert.throws(() => ask(two), {
    code: 400,
    message: 'a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [i]',
  });
  assert.throws(() => ask(two, 'container=x'), { code: 400, message: 'container x is not valid for pod web' });
  assert.deepEqual(ask(two, 'container=i'), { node: 'n1', path: '/containerLogs/default/web/i' });
});

test('a pod without a node has no log', () => {
  assert.throws(() => ask(pod({ containers: [{ name: 'a' }] })), {
    code: 400,
    message: 'pod web does not have a host assigned',
  });
});

test('options are checked and passed on, unknown ones left out', () => {
  const one = pod({ nodeName: 'n1', containers: [{ name: 'a' }] });
  assert.equal(
    ask(one, 'follow=1&previous=false&tailLines=3&sinceTime=2026-01-01T00:00:00Z&pretty=true').path,
    '/containerLogs/default/web/a?follow=true&tailLines=3&sinceTime=2026-01-01T00%3A00%3A00Z',
  );
  assert.throws(() => ask(one, 'tailLines=-1'), {
    code: 422,
    message: 'PodLogOptions "" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
  });
  assert.throws(
    () => ask(one, 'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z'),
    /at most one of `sinceTime` or `sinceSeconds`/,
  );
  assert.throws(() => ask(one, 'limitBytes=0'), /limitBytes: Invalid value: 0: must be greater than 0/);
  assert.throws(() => ask(one, 'stream=stdout'), /stream: Unsupported value: "stdout"/);
  assert.throws(
    () => ask(one, 'stream=Stderr&tailLines=1'),
    /Forbidden: `tailLines` and specific `stream` are mutually exclusive/,
  );
  assert.equal(ask(one, 'stream=All&tailLines=1').path, '/containerLogs/default/web/a?tailLines=1&stream=All');
});

describe('a log over HTTP', () => {
  let world: TestServer;
  let admin: Http2Client;
  const path = '/api/v1/namespaces/default/pods/web/log?follow=true';

  before(async () => {
    world = await startTestServer();
    admin = await world.http2('admin');
    world.registry.add('pods', pod({ nodeName: 'n1', containers: [{ name: 'a' }] }));
  });
  after(() => world.stop());

  test('is 503 while the node is away, and its error when the agent has one', async () => {
    assert.equal((await admin.request(path)).status, 503);
    world.nodes.register('n1', {
      handle: () => Promise.reject(badRequest('container "a" in pod "web" is waiting to start')),
    });
    const refused = await admin.request(path);
    assert.deepEqual(
      [refused.status, refused.json()['message']],
      [400, 'container "a" in pod "web" is waiting to start'],
    );
    const body = () => Readable.from(['unable to read']);
    world.nodes.register('n1', { handle: async () => ({ status: 500, headers: {}, body: body() }) });
    const broken = await admin.request(path);
    assert.deepEqual([broken.status, broken.json()['message']], [500, 'Internal error occurred: unable to read']);
  });

  test('follows at the pace of the client, and stops when it goes', async () => {
    let produced = 0;
    const stopped = Promise.withResolvers<void>();
    world.nodes.register('n1', {
      handle: async ({ signal }) => {
        signal.addEventListener('abort', () => stopped.resolve());
        const body = new Readable({
          read() {
            produced += 65_536;
            this.push(Buffer.alloc(65_536, 'l'));
          },
        });
        return { status: 200, headers: {}, body };
      },
    });
    const stream = admin.session.request({ ':path': path });
    stream.on('error', () => {});
    stream.once('data', () => stream.pause());
    await new RealClock().sleep(150);
    const after150 = produced;
    await new RealClock().sleep(100);
    assert.equal(produced, after150);
    assert.ok(after150 < 8 * 1024 * 1024);
    stream.close();
    await stopped.promise;
  });

  test('that breaks off is not taken for a whole one', async () => {
    world.nodes.register('n1', {
      handle: async () => {
        const body = new Readable({ read() {} });
        body.push('half');
        setImmediate(() => body.destroy(new Error('disk gone')));
        return { status: 200, headers: {}, body };
      },
    });
    await assert.rejects(admin.request(path));
  });

  test('comes over a WebSocket as bytes, or in base64 for who asks for it, and ends with it', async () => {
    world.nodes.register('n1', {
      handle: async () => ({ status: 200, headers: {}, body: Readable.from(['alive\n']) }),
    });
    const { certificate: cert, key } = await world.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
    const read = async (
      protocol: string,
    ): Promise<readonly [text: string, binary: boolean | undefined, code: number]> => {
      const url = `wss://127.0.0.1:${world.server.port}${path}`;
      const socket = new WebSocket(url, [protocol], { ca: world.authority.certificate, cert, key });
      let text = '';
      let isBinary: boolean | undefined;
      socket.on('message', (data: Buffer, binary) => {
        text += data.toString();
        isBinary = binary;
      });
      const [code] = (await once(socket, 'close')) as [number];
      return [text, isBinary, code];
    };
    assert.deepEqual(await read('binary.k8s.io'), ['alive\n', true, 1000]);
    assert.deepEqual(await read('base64.binary.k8s.io'), [Buffer.from('alive\n').toString('base64'), false, 1000]);
  });
});
