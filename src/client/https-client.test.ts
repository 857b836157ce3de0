import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import http2 from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasReason } from '../api/status-error.ts';
import { RealClock, VirtualClock } from '../lib/clock.ts';
import { startTestServer } from '../server/testing.ts';
import { clientContract } from './client-contract.ts';
import { type HttpsClient, httpsClient } from './https-client.ts';
import { type ClientConfig, makeKubeconfig, parseKubeconfig, readKubeconfig, writeKubeconfig } from './kubeconfig.ts';
import { configMaps } from './resources.ts';
import { startTestApiOn } from './testing.ts';

clientContract('HTTPS', async () => {
  const clock = new RealClock();
  const { registry, store } = await startTestApiOn(clock);
  const running = await startTestServer({ handler: registry });
  const { server, authority } = running;
  const clientFor = async (user: string, groups: readonly string[]): Promise<HttpsClient> => {
    const { certificate, key } = await authority.issueClient({ user, groups });
    const made = { ca: authority.certificate, clientCert: certificate, clientKey: key, user, cluster: 'test' };
    const config = await parseKubeconfig(makeKubeconfig({ server: server.address, ...made }), { folder: '/' });
    return httpsClient({ config, clock });
  };
  const client = await clientFor('admin', ['system:masters']);
  const stranger = await clientFor('stranger', []);
  return {
    client,
    stranger,
    async close() {
      client.close();
      stranger.close();
      await running.stop();
      await store.close();
    },
  };
});

/** A server without TLS whose every answer the test writes. */
async function plainServer(answer: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void) {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on('error', () => {});
    answer(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config: ClientConfig = {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    namespace: 'default',
  };
  const breakAll = (): void => {
    for (const session of sessions) session.destroy();
    sessions.clear();
  };
  const close = (): Promise<void> => {
    breakAll();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { config, breakAll, close };
}

const reference = { namespace: 'default', name: 'one' };

test('after a lost connection the next call makes a new one', async () => {
  let calls = 0;
  const server = await plainServer((stream) => {
    calls++;
    stream.respond({ ':status': 200 });
    stream.end(JSON.stringify({ metadata: { name: 'one' } }));
  });
  const client = httpsClient({ config: server.config, clock: new RealClock() });
  await client.get(configMaps, reference);
  server.breakAll();
  await client.get(configMaps, reference);
  assert.equal(calls, 2);
  client.close();
  await server.close();
});

test('a read whose connection breaks is tried once more, a write is not', async () => {
  const methods: string[] = [];
  const server = await plainServer((stream, headers) => {
    methods.push(headers[':method'] ?? '');
    stream.session?.destroy();
  });
  const client = httpsClient({ config: server.config, clock: new RealClock() });
  const unavailable = (error: unknown): boolean => hasReason(error, 'ServiceUnavailable');
  await assert.rejects(client.get(configMaps, reference), unavailable);
  await assert.rejects(client.create(configMaps, { metadata: reference }), unavailable);
  assert.deepEqual(methods, ['GET', 'GET', 'POST']);
  client.close();
  await server.close();
});

test('nobody there is ServiceUnavailable', async () => {
  const config: ClientConfig = { server: 'https://127.0.0.1:1', namespace: 'default' };
  const client = httpsClient({ config, clock: new RealClock() });
  await assert.rejects(client.get(configMaps, reference), (error) => hasReason(error, 'ServiceUnavailable'));
  client.close();
});

test('an answer that does not come in time is Timeout', async () => {
  const clock = new VirtualClock();
  let asked: () => void = () => {};
  const arrived = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const server = await plainServer(() => asked());
  const client = httpsClient({ config: server.config, clock });
  const call = client.create(configMaps, { metadata: reference });
  await arrived;
  const rejected = assert.rejects(call, (error) => hasReason(error, 'Timeout'));
  await clock.advance(60_000);
  await rejected;
  client.close();
  await server.close();
});

test('a connection that no longer answers pings is given up, and its watches end with an error', async () => {
  const clock = new VirtualClock();
  const server = await plainServer((stream) => {
    stream.respond({ ':status': 200 });
    stream.write('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n');
  });
  // Between the two stands a line that goes dead without a word.
  const ends: Socket[] = [];
  const line = createServer((near) => {
    const far = connect(Number(new URL(server.config.server).port), '127.0.0.1');
    ends.push(near, far);
    near
      .on('error', () => {})
      .pipe(far.on('error', () => {}))
      .pipe(near);
  });
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(line.address() as AddressInfo).port}`;
  const client = httpsClient({ config: { ...server.config, server: address }, clock });
  let begun: () => void = () => {};
  const begin = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const ended = new Promise<Error | undefined>((resolve) => {
    client.watch(configMaps, { resourceVersion: '1' }, { event: () => begun(), end: resolve });
  });
  await begin;
  for (const end of ends) end.unpipe().pause();
  await clock.advance(45_000);
  assert.ok(hasReason(await ended, 'ServiceUnavailable'));
  client.close();
  for (const end of ends) end.destroy();
  line.close();
  await server.close();
});

test('with a renewed certificate requests go by a new connection; the old one is cut after a minute, watches with it', async () => {
  const sessions = new Set<unknown>();
  const server = await plainServer((stream, headers) => {
    sessions.add(stream.session);
    stream.respond({ ':status': 200 });
    if (!String(headers[':path']).includes('watch')) stream.end(JSON.stringify({ metadata: { name: 'one' } }));
  });
  const clock = new VirtualClock();
  const client = httpsClient({ config: server.config, clock });
  let ended: Error | undefined;
  const over = new Promise<void>((resolve) => {
    const end = (error?: Error): void => {
      ended = error ?? new Error('the watch is over');
      resolve();
    };
    const handler = { event: () => {}, end };
    client.watch(configMaps, { resourceVersion: '1' }, handler);
  });
  await client.get(configMaps, reference);
  client.renew(server.config);
  await client.get(configMaps, reference);
  await client.get(configMaps, reference);
  assert.equal(sessions.size, 2);
  await clock.advance(59_000);
  assert.equal(ended, undefined);
  await clock.advance(2_000);
  await over;
  client.close();
  await server.close();
});

test('a watch line beyond the bound ends the watch, instead of filling memory', async () => {
  const server = await plainServer((stream) => {
    stream.respond({ ':status': 200 });
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const more = (): void => {
      while (!stream.destroyed && stream.write(chunk));
    };
    stream.on('drain', more);
    more();
  });
  const client = httpsClient({ config: server.config, clock: new RealClock() });
  const error = await new Promise<Error | undefined>((resolve) => {
    client.watch(configMaps, { resourceVersion: '1' }, { event: () => {}, end: resolve });
  });
  assert.match(error?.message ?? '', /exceeds 8388608 bytes/);
  client.close();
  await server.close();
});

test('a token from a file is sent, and read again after a minute', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'naru-client-test-'));
  const tokenFile = join(folder, 'token');
  const seen: (string | undefined)[] = [];
  const server = await plainServer((stream, headers) => {
    seen.push(headers.authorization);
    stream.respond({ ':status': 200 });
    stream.end('{}');
  });
  const clock = new VirtualClock();
  const client = httpsClient({ config: { ...server.config, tokenFile }, clock });
  await writeFile(tokenFile, 'first\n');
  await client.get(configMaps, reference);
  await writeFile(tokenFile, 'second\n');
  await client.get(configMaps, reference);
  await clock.advance(61_000);
  await client.get(configMaps, reference);
  assert.deepEqual(seen, ['Bearer first', 'Bearer first', 'Bearer second']);
  client.close();
  await server.close();
  await rm(folder, { recursive: true });
});

test('a kubeconfig that is made can be read, and only by its owner', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'naru-client-test-'));
  const file = join(folder, 'config');
  const certificates = { ca: 'CA\n', clientCert: 'CERT\n', clientKey: 'KEY\n' };
  await writeKubeconfig(file, { server: 'https://host:6443', ...certificates, user: 'admin', cluster: 'naru' });
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readKubeconfig(file), {
    server: 'https://host:6443',
    ca: 'CA\n',
    clientCertificate: 'CERT\n',
    clientKey: 'KEY\n',
    namespace: 'default',
  });
  await rm(folder, { recursive: true });
});

test('a kubeconfig names files beside it, contexts, and says what is missing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'naru-client-test-'));
  const file = join(folder, 'config');
  await writeFile(join(folder, 'ca.crt'), 'FILE CA');
  await writeFile(
    file,
    `current-context: one
clusters: [{name: c, cluster: {server: "https://a", certificate-authority: ca.crt, tls-server-name: name}}]
users: [{name: u, user: {token: secret}}]
contexts:
- {name: one, context: {cluster: c, user: u, namespace: mine}}
- {name: two, context: {cluster: gone, user: u}}
`,
  );
  const config = await readKubeconfig(file);
  assert.deepEqual(config, {
    server: 'https://a',
    ca: 'FILE CA',
    token: 'secret',
    tlsServerName: 'name',
    namespace: 'mine',
  });
  await assert.rejects(readKubeconfig(file, 'two'), /clusters has no entry named "gone"/);
  await assert.rejects(readKubeconfig(file, 'three'), /contexts has no entry named "three"/);
  await rm(folder, { recursive: true });
});
