/** Requests that another server is asked about first: what passes, what does not, and that all of it goes on beside each other. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import type { ExternalAuth } from '../../src/network/gateway/haproxy/external-auth.ts';
import { make } from '../../src/network/gateway/haproxy/testing.ts';
import type { Backend, Route } from '../../src/network/gateway/plan.ts';
import { ask, type Behaviour, freePort, HaproxyLab, type LabServer } from './haproxy-lab.ts';
import { needsNetwork } from './net-lab.ts';

/** Lets those in who bear a token, and says who they are. */
const guard: Behaviour = (request, response) => {
  const token = /^Bearer (\w+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) response.writeHead(401, { 'www-authenticate': 'Bearer realm="x"' });
  else if (token === 'banned') response.writeHead(403);
  else if (token === 'lost') response.writeHead(302, { location: '/' });
  else if (token === 'plain') response.writeHead(204);
  else response.writeHead(202, { 'x-user': token, 'set-cookie': ['a=1; Path=/', 'b=2'] });
  response.end('what the guard says is not for the client');
};

describe('Who is asked about requests', needsNetwork, () => {
  const lab = new HaproxyLab();
  let port = 0;
  let [guarding, app] = [] as unknown as [LabServer, LabServer];
  const bearer = (token: string, more: Readonly<Record<string, string>> = {}) => ({
    headers: { host: 'shop.example:81', authorization: `Bearer ${token}`, ...more },
  });
  const auth = (more: Partial<ExternalAuth> = {}): Pick<Route, 'filters'> => ({
    filters: [
      {
        kind: 'externalAuth',
        backend: 'guard',
        host: 'guard.example',
        path: '/check?for=$host',
        responseHeaders: ['X-User'],
        ...more,
      },
    ],
  });
  const { backend: _, ...atOwnHost } = auth().filters[0] as ExternalAuth;
  const atHost = (path: string): Pick<Route, 'filters'> => ({ filters: [{ ...atOwnHost, path }] });

  before(async () => {
    port = await freePort();
    guarding = await lab.server('guard', guard);
    app = await lab.server('app');
    const sockets = new WebSocketServer({ noServer: true });
    app.http.on('upgrade', (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (opened) => opened.send(request.headers['x-user'] ?? '')),
    );
    const routes = [
      make.route(
        '/signed',
        'app',
        auth({ signIn: 'https://in.example/start?rd=$scheme://$http_host$escaped_request_uri' }),
      ),
      make.route('/nobody', 'app', auth({ backend: 'nobody' })),
      make.route('/down', 'app', auth({ backend: 'down' })),
      make.route('/own', 'app', atHost('/open/check')),
      make.route('/circle', 'app', atHost('/circle')),
      make.route('/open', 'guard'),
      make.route('/', 'app', auth()),
    ];
    const backends: Backend[] = [
      make.backend('app', [make.server(app.port)]),
      make.backend('guard', [make.server(guarding.port)]),
      make.backend('nobody', []),
      make.backend('down', [make.server(await freePort())]),
    ];
    assert.deepEqual(await lab.apply(make.plan([make.entry(port, [make.host('*', ...routes)])], backends)), []);
  });
  after(() => lab.close());

  test('lets pass with 2xx, and what it says of the user stands in place of what the client says', async () => {
    app.asked.length = guarding.asked.length = 0;
    const answer = await ask(port, {
      path: '/a/b?c=d',
      method: 'POST',
      body: 'text',
      ...bearer('ann', { 'x-user': 'root' }),
    });
    assert.deepEqual([answer.status, answer.asked?.headers['x-user'], answer.asked?.body], [200, 'ann', 'text']);
    assert.equal(answer.asked?.url, '/a/b?c=d');
    assert.deepEqual(answer.headers['set-cookie'], ['a=1; Path=/', 'b=2']);
    const [question] = guarding.asked;
    assert.deepEqual([question?.method, question?.url, question?.body], ['GET', '/check?for=shop.example', '']);
    const { host, authorization } = question?.headers ?? {};
    assert.deepEqual([host, authorization], ['guard.example', 'Bearer ann']);
    assert.equal(question?.headers['x-original-url'], 'http://shop.example:81/a/b?c=d');
    assert.deepEqual(
      [question?.headers['x-original-method'], question?.headers['x-forwarded-for']],
      ['POST', '127.0.0.1'],
    );
    const plain = await ask(port, bearer('plain', { 'x-user': 'root' }));
    assert.deepEqual([plain.status, plain.asked?.headers['x-user']], [200, undefined]);
  });

  for (const [what, path, token, status] of [
    ['401', '/', '', 401],
    ['403', '/', 'banned', 403],
    ['a redirect', '/', 'lost', 500],
    ['nothing, since it has no servers', '/nobody', 'ann', 500],
    ['nothing, since it is down', '/down', 'ann', 500],
    ['yes, at the same host', '/own', 'ann', 200],
    ['no, at the same host', '/own', '', 401],
    ['a question of its own', '/circle', 'ann', 500],
  ] as const) {
    test(`says ${what}: the client gets ${status}`, async () => {
      app.asked.length = 0;
      const answer = await ask(port, { path, ...bearer(token) });
      assert.equal(answer.status, status);
      assert.equal(app.asked.length, status === 200 ? 1 : 0);
      assert.doesNotMatch(answer.body, /guard says/);
      if (status === 401) assert.equal(answer.headers['www-authenticate'], 'Bearer realm="x"');
    });
  }

  test('sends who is not known to sign in, and back after it', async () => {
    const answer = await ask(port, { path: '/signed/x?y=1&z', ...bearer('') });
    assert.deepEqual(
      [answer.status, answer.headers['location']],
      [302, 'https://in.example/start?rd=http://shop.example:81%2Fsigned%2Fx%3Fy%3D1%26z'],
    );
    assert.equal((await ask(port, { path: '/signed', ...bearer('ann') })).status, 200);
  });

  test('200 at once, each with its own answer', async () => {
    const users = Array.from({ length: 200 }, (_, index) => `user${index}`);
    const answers = await Promise.all(users.map((user) => ask(port, bearer(user))));
    assert.deepEqual(
      answers.map(({ asked, status }) => asked?.headers['x-user'] ?? status),
      users,
    );
  });

  test('is asked about WebSockets, too', async () => {
    const open = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: bearer('ann').headers });
    const [data] = (await once(open, 'message')) as [Buffer];
    assert.equal(data.toString(), 'ann');
    open.close();
    const refused = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    await once(refused, 'error');
  });
});
