import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { httpsClient } from '../../client/https-client.ts';
import { type ClientConfig, makeKubeconfig, readKubeconfig } from '../../client/kubeconfig.ts';
import { homeOf } from '../../home.ts';
import { type Clock, RealClock, VirtualClock } from '../../lib/clock.ts';
import { issueAuthority, issueLeaf } from '../../server/certificates/issue.ts';
import { UserError } from '../user-error.ts';
import { explainConnection, explainKubeconfig } from './connection-error.ts';
import { ResourceFinder } from './resource-finder.ts';

const dayMs = 86_400_000;
const clock = new RealClock();
const nowMs = clock.now();
const home = homeOf('/nonexistent/naru');

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

let authority: Pair;
let otherAuthority: Pair;
const closers: (() => void)[] = [];

before(async () => {
  const lifetime = { nowMs, lifetimeMs: 30 * dayMs };
  authority = await issueAuthority('one', lifetime);
  otherAuthority = await issueAuthority('other', lifetime);
});
after(() => {
  for (const close of closers) close();
});

function leaf(
  by: Pair,
  usage: 'server' | 'client',
  lifetime = { nowMs, lifetimeMs: 30 * dayMs },
  names = ['127.0.0.1'],
) {
  return issueLeaf(
    { certificate: by.certificate, privateKey: createPrivateKey(by.key) },
    { ...lifetime, usage, names, subject: { commonName: 'somebody', organizations: [] } },
  );
}

/** Listens on a port of its own until the tests are over. */
function listening(server: net.Server | http.Server | tls.Server | http2.Http2SecureServer): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

type Answer = { readonly status: number; readonly type?: string; readonly body: string };

async function apiServer(
  serving: Pair,
  answer: Answer = { status: 200, body: '{}' },
  options: tls.TlsOptions = {},
): Promise<string> {
  const server = http2.createSecureServer({ cert: serving.certificate, key: serving.key, ...options });
  server.on('tlsClientError', () => {});
  server.on('sessionError', () => {});
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': answer.status, 'content-type': answer.type ?? 'application/json' });
    stream.end(answer.body);
  });
  return `https://127.0.0.1:${await listening(server)}`;
}

/** What a command would say that asks this server what it serves. */
async function sentence(
  config: Partial<ClientConfig> & { readonly server: string },
  atMs = nowMs,
  clientClock: Clock = clock,
): Promise<string> {
  const whole: ClientConfig = { namespace: 'default', ca: authority.certificate, ...config };
  const client = httpsClient({ config: whole, clock: clientClock, requestMs: 3000 });
  try {
    await new ResourceFinder(client).all();
  } catch (error) {
    const explained = explainConnection(error, { home, config: whole, nowMs: atMs });
    assert.ok(explained instanceof UserError, `not explained: ${String(explained)} ${JSON.stringify(error)}`);
    return explained.message;
  } finally {
    client.close();
  }
  return assert.fail('it succeeded');
}

const status = (code: number, reason: string, message: string, details?: object): Answer => ({
  status: code,
  body: JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details }),
});

describe('the way to a cluster', () => {
  test('nobody listens', async () => {
    const server = net.createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    assert.match(await sentence({ server: `https://127.0.0.1:${port}` }), /^nobody answers at https:.*does not run/);
  });

  test('a name that is not known', async () => {
    assert.match(
      await sentence({ server: 'https://nowhere.invalid:6443' }),
      /no machine named nowhere\.invalid|name nowhere\.invalid cannot be looked up/,
    );
  });

  test('an address that is none', async () => {
    assert.match(await sentence({ server: 'not an address' }), /server "not an address" is no address/);
    assert.match(await sentence({ server: 'ftp://127.0.0.1' }), /is no address; it must be of the form https/);
  });

  test('a server that speaks HTTP without TLS', async () => {
    const port = await listening(http.createServer((_, response) => response.end('hello')));
    assert.match(await sentence({ server: `https://127.0.0.1:${port}` }), /does not speak TLS: is it an HTTP port/);
  });

  test('a kubeconfig that names http where the server speaks TLS', async () => {
    const address = await apiServer(await leaf(authority, 'server'));
    assert.match(
      await sentence({ server: address.replace('https', 'http') }),
      /a Kubernetes API speaks https, not http/,
    );
  });

  test('a server that knows no HTTP/2', async () => {
    const { certificate, key } = await leaf(authority, 'server');
    const server = tls.createServer({ cert: certificate, key, ALPNProtocols: ['http/1.1'] });
    server.on('tlsClientError', () => {});
    assert.match(
      await sentence({ server: `https://127.0.0.1:${await listening(server)}` }),
      /not as a Kubernetes API does/,
    );
  });

  test('something else that answers over HTTP/2', async () => {
    const serving = await leaf(authority, 'server');
    const page = await apiServer(serving, { status: 200, type: 'text/html', body: '<html>welcome</html>' });
    assert.match(await sentence({ server: page }), /is no Kubernetes API/);
    const nothing = await apiServer(serving, { status: 404, type: 'text/plain', body: 'not found' });
    assert.match(await sentence({ server: nothing }), /is no Kubernetes API/);
    const proxy = await apiServer(serving, { status: 404, body: '{"error": broken' });
    assert.match(await sentence({ server: proxy }), /is no Kubernetes API/);
  });

  test('a server that takes the connection and never speaks', async () => {
    const virtual = new VirtualClock();
    // The client's patience is ten seconds: they pass when it is there.
    const server = net.createServer(() => void virtual.advance(15_000));
    const said = sentence({ server: `https://127.0.0.1:${await listening(server)}` }, nowMs, virtual);
    assert.match(await said, /^nothing comes back from/);
  });
});

describe('certificates', () => {
  test('a server of another authority', async () => {
    const address = await apiServer(await leaf(otherAuthority, 'server'));
    assert.match(
      await sentence({ server: address }),
      /not by the authority that the kubeconfig names.*naru kubeconfig/,
    );
  });

  test('a server whose certificate signs itself', async () => {
    assert.match(
      await sentence({ server: await apiServer(otherAuthority) }),
      /not by the authority that the kubeconfig names/,
    );
  });

  test('a certificate for another name says for which', async () => {
    const address = await apiServer(await leaf(authority, 'server', undefined, ['cluster.example.com', '10.1.2.3']));
    assert.match(await sentence({ server: address }), /for another name; it is for cluster\.example\.com, 10\.1\.2\.3/);
  });

  test("a server's certificate that has expired, or is not valid yet", async () => {
    const old = await apiServer(await leaf(authority, 'server', { nowMs: nowMs - 9 * dayMs, lifetimeMs: dayMs }));
    assert.match(await sentence({ server: old }), /has expired, or this machine's clock is wrong \(it shows 20/);
    const young = await apiServer(await leaf(authority, 'server', { nowMs: nowMs + 9 * dayMs, lifetimeMs: dayMs }));
    assert.match(await sentence({ server: young }), /not valid yet: this machine's clock is wrong/);
  });

  test('a client certificate that the server does not take', async () => {
    const { certificate, key } = await leaf(otherAuthority, 'client');
    const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate };
    const address = await apiServer(await leaf(authority, 'server'), undefined, mutual);
    assert.match(
      await sentence({ server: address, clientCertificate: certificate, clientKey: key }),
      /breaks off the connection.*does not take the client certificate/,
    );
  });

  test('credentials in the kubeconfig that are no PEM, or do not belong together', async () => {
    const address = await apiServer(await leaf(authority, 'server'));
    const [one, two] = [await leaf(authority, 'client'), await leaf(authority, 'client')];
    assert.match(
      await sentence({ server: address, clientCertificate: 'x', clientKey: 'y' }),
      /cannot be read: they must be PEM/,
    );
    assert.match(
      await sentence({ server: address, clientCertificate: one.certificate, clientKey: two.key }),
      /the key must be the certificate's/,
    );
  });
});

describe('who asks, and may they', () => {
  const unauthorized = status(401, 'Unauthorized', 'Unauthorized');

  test('401: a certificate that has ended says when, and what renews it', async () => {
    const address = await apiServer(await leaf(authority, 'server'), unauthorized);
    const { certificate, key } = await leaf(authority, 'client', { nowMs: nowMs - 9 * dayMs, lifetimeMs: dayMs });
    const own = { server: address, clientCertificate: certificate, clientKey: key };
    assert.match(await sentence(own), /your certificate ended on \d{4}-\d\d-\d\d; fetch .*naru kubeconfig/);
    assert.match(await sentence(own, nowMs - 20 * dayMs), /your certificate begins on .*set the clock/);
    assert.match(await sentence(own, nowMs - 9 * dayMs), /this cluster did not make it/);
  });

  test('401: a token, or nothing at all', async () => {
    const address = await apiServer(await leaf(authority, 'server'), unauthorized);
    assert.match(await sentence({ server: address, token: 'abc' }), /your token has ended/);
    assert.match(await sentence({ server: address }), /names neither a client certificate nor a token/);
  });

  const denied = (user: string, verb: string, resource: string, group: string, where: string) =>
    status(
      403,
      'Forbidden',
      `x is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`,
    );

  for (const [name, answer, expected] of [
    [
      'reading',
      denied('jane', 'list', 'pods', '', 'in the namespace "shop"'),
      /^jane may not list pods in namespace shop; the role view allows it.*rolebinding jane-view --clusterrole=view --user=jane -n shop$/,
    ],
    [
      'writing',
      denied('jane', 'patch', 'deployments', 'apps', 'in the namespace "shop"'),
      /may not patch deployments\.apps in namespace shop; the role edit/,
    ],
    ['secrets', denied('jane', 'get', 'secrets', '', 'in the namespace "shop"'), /the role edit allows it/],
    [
      'exec',
      denied('jane', 'create', 'pods/exec', '', 'in the namespace "shop"'),
      /may not create pods\/exec in namespace shop; the role edit/,
    ],
    [
      'roles',
      denied('jane', 'list', 'roles', 'rbac.authorization.k8s.io', 'in the namespace "shop"'),
      /the role admin allows it/,
    ],
    [
      'a service account',
      denied('system:serviceaccount:ci:bot', 'list', 'pods', '', 'in the namespace "shop"'),
      /bot-view --clusterrole=view --serviceaccount=ci:bot -n shop/,
    ],
    [
      'the whole cluster',
      denied('jane', 'list', 'nodes', '', 'at the cluster scope'),
      /may not list nodes across the cluster; .*cluster-admin/,
    ],
    ['a custom kind', denied('jane', 'list', 'sites', 'example.com', 'in the namespace "shop"'), /ClusterRole/],
    ['nobody', denied('system:anonymous', 'list', 'pods', '', 'in the namespace "shop"'), /nobody is signed in/],
  ] as const) {
    test(`403: ${name}`, async () => {
      assert.match(await sentence({ server: await apiServer(await leaf(authority, 'server'), answer) }), expected);
    });
  }

  test('429 says when to try again', async () => {
    const busy = status(429, 'TooManyRequests', 'slow down', { retryAfterSeconds: 7 });
    assert.match(
      await sentence({ server: await apiServer(await leaf(authority, 'server'), busy) }),
      /try again in 7 s/,
    );
  });

  test('what the server says of the request itself stays its own', () => {
    const error = new Error('something else');
    const config: ClientConfig = { server: 'https://x', namespace: 'default' };
    assert.equal(explainConnection(error, { home, config, nowMs }), error);
  });
});

describe('kubeconfigs', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-kubeconfig-'));
  after(() => rmSync(folder, { recursive: true }));

  async function said(text: string | undefined, context?: string): Promise<string> {
    const file = path.join(folder, 'config');
    if (text !== undefined) writeFileSync(file, text);
    const named = text === undefined ? path.join(folder, 'missing') : file;
    try {
      await readKubeconfig(named, context);
    } catch (error) {
      return explainKubeconfig(error, named, home).message;
    }
    return assert.fail('it was read');
  }

  const good = makeKubeconfig({ server: 'https://x', ca: 'x', token: 't', user: 'jane', cluster: 'c' });

  test('each fault is a sentence that names the file', async () => {
    assert.match(await said(undefined), /^there is no kubeconfig \S+missing$/);
    assert.match(await said('{ not: [yaml'), /^kubeconfig \S+config: /);
    assert.match(await said(''), /it is no kubeconfig/);
    assert.match(await said('just a text'), /it is no kubeconfig/);
    assert.match(await said(good, 'other'), /contexts has no entry named "other"; it has jane@c/);
    assert.match(await said(good.replace(/current-context:.*\n/, '')), /no current-context is set/);
    assert.match(await said(good.replace('server: https://x', 'server: ""')), /has no server/);
    assert.match(
      await said(good.replace(/certificate-authority-data:.*/, 'certificate-authority: gone.crt')),
      /it names \S+gone\.crt, which does not exist/,
    );
    assert.match(
      await said(good.replace(/token: t/, 'exec: {command: aws}')),
      /user "jane" signs in by exec, which is not read here/,
    );
  });

  test('none at all says how to start a cluster; a folder is none', () => {
    const missing = Object.assign(new Error('x'), { code: 'ENOENT' });
    assert.match(explainKubeconfig(missing, home.kubeconfig, home).message, /no cluster found.*naru up/);
    const isFolder = Object.assign(new Error('x'), { code: 'EISDIR' });
    assert.match(explainKubeconfig(isFolder, folder, home).message, /is a folder/);
    const closed = Object.assign(new Error('x'), { code: 'EACCES' });
    assert.match(explainKubeconfig(closed, folder, home).message, /not yours to read; run the command with sudo/);
  });
});
