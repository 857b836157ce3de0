/**
 * Where secrets must not turn up: logs at debug level, an audit log that leaves them out as upstream advises, metrics, temporary files, error
 * answers, and the files of the home, none of which others may read. A marker goes in by every way in, and is looked for everywhere.
 */
import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { type ClientConfig, readKubeconfig } from '../../src/client/kubeconfig.ts';
import { type Cluster, startCluster } from '../../src/cluster.ts';
import { homeOf } from '../../src/home.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { JsonLogger } from '../../src/lib/log.ts';
import { eventually } from '../harness.ts';

const marker = 'zyxwMARKERvuts';
const encoded = Buffer.from(marker).toString('base64');
/** Of a whole value, wherever it begins within a base64 text. */
const traces = [
  marker,
  encoded,
  ...[1, 2].map((shift) =>
    Buffer.from(`${'-'.repeat(shift)}${marker}`)
      .toString('base64')
      .slice(4, 16),
  ),
];

/** Everything in full but what upstream's own advice leaves out. */
const policy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [
    {
      level: 'Metadata',
      resources: [
        { group: '', resources: ['secrets', 'configmaps', 'serviceaccounts/token'] },
        { group: 'authentication.k8s.io', resources: ['tokenreviews'] },
      ],
    },
    { level: 'RequestResponse' },
  ],
};

interface Ask {
  readonly method?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly anonymous?: boolean;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const secrets = '/api/v1/namespaces/default/secrets';
const secret = (name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  data: { password: encoded },
  stringData: { plain: marker },
  ...more,
});

describe('secrets', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-secrecy-'));
  const home = homeOf(path.join(folder, 'home'));
  const auditLog = path.join(folder, 'audit.log');
  const lines: string[] = [];
  const umask = process.umask(0o000);
  const clock = new RealClock({ keepsAlive: true });
  const temporaryBefore = new Set(readdirSync(os.tmpdir()));
  let cluster: Cluster;
  let config: ClientConfig;
  let tokens: string[] = [];

  before(async () => {
    writeFileSync(path.join(folder, 'policy.json'), JSON.stringify(policy));
    cluster = await startCluster({
      home,
      clock,
      log: new JsonLogger({ clock, level: 'debug', write: (line) => lines.push(line) }),
      audit: { policyFile: path.join(folder, 'policy.json'), logPath: auditLog },
    });
    config = await readKubeconfig(cluster.kubeconfig);
  });
  after(async () => {
    process.umask(umask);
    await cluster.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function ask(url: string, { method = 'GET', type = 'application/json', headers, body, anonymous }: Ask = {}) {
    const identity = anonymous ? {} : { cert: config.clientCertificate, key: config.clientKey };
    return new Promise<Answer>((resolve, reject) => {
      const request = https.request(new URL(url, config.server), {
        method,
        ca: config.ca,
        ...identity,
        agent: false,
        headers: { ...(body !== undefined && { 'content-type': type }), ...headers },
      });
      request.once('error', reject);
      request.once('upgrade', (_response, socket) => {
        socket.destroy();
        resolve({ status: 101, text: '' });
      });
      request.once('response', (response) => {
        buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, text: bytes.toString() }), reject);
      });
      request.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
    });
  }

  async function expect(status: number, url: string, options: Ask): Promise<string> {
    const answer = await ask(url, options);
    assert.equal(answer.status, status, `${options.method} ${url}: ${answer.text.slice(0, 500)}`);
    return answer.text;
  }

  const assertClean = (what: string, text: string): void => {
    for (const trace of [...traces, ...tokens]) {
      const at = text.indexOf(trace);
      assert.ok(at < 0, `${what} shows it: …${text.slice(Math.max(0, at - 300), at + 100)}`);
    }
  };

  test('writes that succeed', async () => {
    await expect(201, secrets, { method: 'POST', body: secret('one') });
    await expect(201, secrets, { method: 'POST', type: 'application/yaml', body: JSON.stringify(secret('two')) });
    await expect(200, `${secrets}/one`, { method: 'PUT', body: secret('one', { type: 'Opaque' }) });
    const merge = { data: { more: encoded } };
    for (const kind of ['merge-patch', 'strategic-merge-patch']) {
      await expect(200, `${secrets}/one`, { method: 'PATCH', type: `application/${kind}+json`, body: merge });
    }
    const operations = [{ op: 'add', path: '/data/third', value: encoded }];
    await expect(200, `${secrets}/one`, { method: 'PATCH', type: 'application/json-patch+json', body: operations });
    const applied = { ...secret('applied'), metadata: { name: 'applied', annotations: { note: marker } } };
    await expect(201, `${secrets}/applied?fieldManager=t`, {
      method: 'PATCH',
      type: 'application/apply-patch+yaml',
      body: applied,
    });
    await expect(200, `${secrets}/one?dryRun=All`, { method: 'DELETE' });
    assert.ok((await expect(200, `${secrets}/one`, {})).includes(encoded), 'the search finds what is there');
    await expect(200, `${secrets}/two`, { method: 'DELETE' });
  });

  test('error answers do not repeat values', async () => {
    const rows: [status: number, what: string, url: string, options: Ask][] = [
      [422, 'a bad name', secrets, { method: 'POST', body: secret('Not Valid') }],
      [422, 'a bad key', secrets, { method: 'POST', body: secret('bad', { data: { 'a key': encoded } }) }],
      [409, 'what exists', secrets, { method: 'POST', body: secret('one') }],
      [
        409,
        'an old version',
        `${secrets}/one`,
        { method: 'PUT', body: secret('one', { metadata: { name: 'one', resourceVersion: '1' } }) },
      ],
      [400, 'text that is no base64', secrets, { method: 'POST', body: secret('bad', { data: { a: `${marker}%` } }) }],
      [400, 'data that is text', secrets, { method: 'POST', body: secret('bad', { data: marker }) }],
      [400, 'text that is a list', secrets, { method: 'POST', body: secret('bad', { stringData: { a: [marker] } }) }],
      [
        400,
        'JSON cut short',
        secrets,
        { method: 'POST', body: `{"apiVersion":"v1","kind":"Secret","data":{"a":"${marker}` },
      ],
      [
        400,
        'JSON with a word',
        secrets,
        { method: 'POST', body: `{"apiVersion":"v1","kind":"Secret","data":{"a": ${marker}}}` },
      ],
      [
        400,
        'broken YAML',
        secrets,
        { method: 'POST', type: 'application/yaml', body: `kind: Secret\ndata:\n  a: [${marker}\n  b: }` },
      ],
      [
        400,
        'YAML with a colon',
        secrets,
        { method: 'POST', type: 'application/yaml', body: `kind: Secret\nstringData: a: ${marker}: x` },
      ],
      [
        413,
        'too large',
        secrets,
        { method: 'POST', body: secret('big', { stringData: { a: marker.repeat(120_000) } }) },
      ],
      [413, 'a body too large', secrets, { method: 'POST', body: marker.repeat(300_000) }],
      [415, 'an unknown form', secrets, { method: 'POST', type: 'text/plain', body: marker }],
      [
        422,
        'no docker config',
        secrets,
        {
          method: 'POST',
          body: secret('bad', {
            type: 'kubernetes.io/dockerconfigjson',
            data: { '.dockerconfigjson': encoded },
            stringData: {},
          }),
        },
      ],
      [422, 'another type', `${secrets}/one`, { method: 'PUT', body: secret('one', { type: 'kubernetes.io/tls' }) }],
      [
        422,
        'a patch whose test fails',
        `${secrets}/one`,
        {
          method: 'PATCH',
          type: 'application/json-patch+json',
          body: [{ op: 'test', path: '/data/password', value: `${marker}x` }],
        },
      ],
      [403, 'forbidden', secrets, { method: 'POST', anonymous: true, body: secret('three') }],
      [
        404,
        'what is not there',
        `${secrets}/none`,
        { method: 'PUT', body: secret('none', { metadata: { name: 'none', uid: 'x' } }) },
      ],
    ];
    for (const [status, what, url, options] of rows) {
      const answer = await ask(url, options);
      assertClean(what, answer.text);
      assert.ok(answer.status >= 400, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
      // Upstream's statuses differ in details that other suites compare; the family is enough here.
      assert.equal(Math.floor(answer.status / 100), Math.floor(status / 100), `${what}: ${answer.text.slice(0, 300)}`);
    }
  });

  test('tokens in headers, WebSocket protocols, reviews and answers', async () => {
    const bearer = { authorization: `Bearer ${marker}` };
    assertClean('a wrong token', await expect(401, secrets, { headers: bearer, anonymous: true }));
    assertClean(
      'a password',
      await expect(403, secrets, { headers: { authorization: `Basic ${encoded}` }, anonymous: true }).catch(() => ''),
    );
    const impersonation = { 'impersonate-user': 'jane', 'impersonate-extra-scopes': 'x' };
    await ask(secrets, { headers: { ...bearer, ...impersonation }, anonymous: true });
    const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from(marker).toString('base64url')}, v5.channel.k8s.io`;
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol': protocol,
    };
    const exec = '/api/v1/namespaces/default/pods/none/exec?command=ls&stdout=true';
    assertClean('a wrong token of a WebSocket', (await ask(exec, { headers: upgrade, anonymous: true })).text);
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: marker } };
    await expect(201, '/apis/authentication.k8s.io/v1/tokenreviews', { method: 'POST', body: review });
    const account = await eventually(
      'the default account',
      async () => {
        const answer = await ask('/api/v1/namespaces/default/serviceaccounts/default');
        return answer.status === 200 ? answer : undefined;
      },
      5_000,
    ).catch(() => undefined);
    if (account === undefined) {
      const made = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
      await expect(201, '/api/v1/namespaces/default/serviceaccounts', { method: 'POST', body: made });
    }
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } };
    const answer = await expect(201, '/api/v1/namespaces/default/serviceaccounts/default/token', {
      method: 'POST',
      body: request,
    });
    const { token } = (JSON.parse(answer) as { status: { token: string } }).status;
    tokens = [token, token.split('.')[2] ?? token];
    await expect(403, secrets, { headers: { authorization: `Bearer ${token}` }, anonymous: true });
  });

  test('neither logs, audit, metrics nor files show any of it', async () => {
    assertClean('the log', lines.join(''));
    assertClean('the metrics', await expect(200, '/metrics', {}));
    const seen = await eventually('the audit log', () => {
      const text = readFileSync(auditLog, 'utf8');
      return text.includes('"tokenreviews"') && text.includes('"serviceaccounts"') && text.includes('RequestResponse')
        ? text
        : undefined;
    });
    assertClean('the audit log', seen);
    const made = readdirSync(os.tmpdir()).filter((each) => !temporaryBefore.has(each));
    for (const name of made)
      for (const file of filesUnder(path.join(os.tmpdir(), name))) assertClean(file, textOf(file));
  });

  test('nothing in the home can be read by others, whatever the umask', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: {
        containers: [{ name: 'web', image: 'web', volumeMounts: [{ name: 's', mountPath: '/s' }] }],
        volumes: [{ name: 's', secret: { secretName: 'one' } }],
      },
    };
    await expect(201, '/api/v1/namespaces/default/pods', { method: 'POST', body: pod });
    await eventually('the pod runs', async () => {
      const { text } = await ask('/api/v1/namespaces/default/pods/web');
      return text.includes('"phase":"Running"') || undefined;
    });
    const open = filesUnder(home.root).flatMap((file) => {
      const found = lstatSync(file, { throwIfNoEntry: false });
      if (found === undefined || found.isSymbolicLink()) return [];
      return (found.mode & 0o077) === 0
        ? []
        : [`${(found.mode & 0o777).toString(8)} ${path.relative(home.root, file)}`];
    });
    assert.deepEqual(open, []);
    const all = filesUnder(home.root);
    for (const file of [home.state, home.encryptionConfig, home.kubeconfig, home.tokenKey])
      assert.ok(all.includes(file), file);
    assert.equal(lstatSync(auditLog).mode & 0o077, 0, 'the audit log');
    const holders = all.filter((file) => textOf(file).includes(encoded));
    assert.deepEqual(holders, [], 'no file holds a secret in plain form');
  });
});

/** The folder itself, and all that is below it. Others' temporary files may go while they are looked at. */
function filesUnder(root: string): string[] {
  try {
    if (!lstatSync(root).isDirectory()) return [root];
    return [root, ...readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => path.join(root, name))];
  } catch {
    return [];
  }
}

/** Nothing for what is no file, or is gone by now. */
function textOf(file: string): string {
  try {
    return lstatSync(file).isFile() ? readFileSync(file, 'latin1') : '';
  } catch {
    return '';
  }
}
