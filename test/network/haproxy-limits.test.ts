/** What HAProxy is set to do beside routing: its log of requests, limits, and ways to choose a server. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checkConfig } from '../../src/network/gateway/haproxy/program.ts';
import { make } from '../../src/network/gateway/haproxy/testing.ts';
import type { Backend, Plan, Route } from '../../src/network/gateway/plan.ts';
import { eventually } from '../harness.ts';
import { ask, type Behaviour, freePort, HaproxyLab, type LabServer } from './haproxy-lab.ts';
import { needsNetwork } from './net-lab.ts';

describe('HAProxy', needsNetwork, () => {
  const lab = new HaproxyLab();
  const held: http.ServerResponse[] = [];
  /** `/hold` waits until it is let go. */
  const holding: Behaviour = (request, response, asked) => {
    if (request.url === '/hold') held.push(response);
    else response.end(JSON.stringify(asked));
  };
  const servers: LabServer[] = [];
  let port = 0;
  before(async () => {
    port = await freePort();
    servers.push(await lab.server('one', holding), await lab.server('two', holding));
  });
  after(() => lab.close());

  const planOf = (more: Partial<Backend> = {}, route: Partial<Route> = {}): Plan => {
    const backend = make.backend(
      'a',
      servers.map((server) => make.server(server.port)),
      more,
    );
    return make.plan([make.entry(port, [make.host('*', make.route('/', 'a', route))])], [backend]);
  };
  const letGo = (): void => {
    for (const response of held.splice(0)) response.end();
  };
  const whoAnswers = async (count: number): Promise<string[]> => {
    const names: string[] = [];
    for (let index = 0; index < count; index++) names.push((await ask(port)).asked?.server ?? 'nobody');
    return names;
  };
  const logLines = (): string[] =>
    readFileSync(path.join(lab.folder, 'access.log'), 'utf8').split('\n').filter(Boolean);

  test('says why it would not take a configuration', async () => {
    const file = path.join(lab.folder, 'bad.cfg');
    writeFileSync(file, 'frontend x\n  bind nowhere\n  no-such-word\n');
    assert.match((await checkConfig('haproxy', file)) ?? '', /^config : .*no-such-word/s);
  });

  test('writes nothing of requests unless it is told to', async () => {
    await lab.apply(planOf());
    await whoAnswers(3);
    assert.deepEqual(logLines(), []);
  });

  test('writes a line of JSON for each request, whatever it holds', async () => {
    await lab.apply(planOf(), { accessLog: 'json' });
    const before = logLines().length;
    await ask(port, { path: '/a"b\\c?d=%00', headers: { host: 'Shop.example:80' } });
    await eventually('a line', () => logLines().length > before);
    const line = JSON.parse(logLines().at(-1) as string) as Record<string, unknown>;
    assert.deepEqual(
      [line['client'], line['host'], line['method'], line['path'], line['protocol'], line['status']],
      ['127.0.0.1', 'shop.example', 'GET', '/a"b\\c?d=%00', 'HTTP/1.1', 200],
    );
    assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(String(line['backend']), /^a\./);
    assert.equal(typeof line['totalMs'], 'number');
  });

  test('writes the common form, too', async () => {
    await lab.apply(planOf(), { accessLog: 'common' });
    const before = logLines().length;
    await ask(port, { path: '/x' });
    await eventually('a line', () => logLines().length > before);
    assert.match(
      logLines().at(-1) as string,
      /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/x HTTP\/1\.1" 200 \d+ 127\.0\.0\.1 a\./,
    );
  });

  test('expressions that take very long hold up nobody', async () => {
    const slow = Array.from({ length: 10 }, (_, index) => {
      const path = { kind: 'regex', value: `/(?:x|x|x)*y${index}`, ignoreCase: true } as const;
      return make.route('/', 'a', { id: `slow ${index}`, match: make.match('/', { path }) });
    });
    const hosts = [make.host('slow', ...slow, make.route('/', 'a'))];
    await lab.apply({ ...planOf(), entries: [make.entry(port, hosts)] });
    const msFor = async (path: string): Promise<number> => {
      const before = process.hrtime.bigint();
      for (let index = 0; index < 20; index++)
        assert.equal((await ask(port, { path, headers: { host: 'slow' } })).status, 200);
      return Number(process.hrtime.bigint() - before) / 1e6;
    };
    const usual = await msFor('/z');
    const hard = await msFor(`/${'x'.repeat(200)}zy0y1y2y3y4y5y6y7y8y9`);
    assert.ok(hard < 4 * usual + 500, `${hard} ms, and others ${usual} ms`);
  });

  test('lets one client have so many requests at once, and no more', async (t) => {
    const options = { connectionsMax: 2 };
    await lab.apply(planOf({}, { action: { kind: 'forward', targets: [make.target('a')], options } }));
    t.after(letGo);
    const first = [ask(port, { path: '/hold' }), ask(port, { path: '/hold' })];
    await eventually('two that wait', () => held.length === 2);
    assert.equal((await ask(port)).status, 503);
    letGo();
    assert.deepEqual(
      (await Promise.all(first)).map(({ status }) => status),
      [200, 200],
    );
    await eventually('a place', async () => (await ask(port)).status === 200);
  });

  test('asks the server with the fewest requests, where that is wanted', async (t) => {
    await lab.apply(planOf({ balance: 'leastconn' }));
    for (const { asked } of servers) asked.length = 0;
    t.after(letGo);
    const waiting = ask(port, { path: '/hold' });
    await eventually('one that waits', () => held.length === 1);
    const busy = servers.find(({ asked }) => asked.length > 0)?.name;
    const free = servers.find(({ name }) => name !== busy)?.name as string;
    assert.deepEqual(new Set(await whoAnswers(8)), new Set([free]));
    letGo();
    assert.equal((await waiting).status, 200);
  });

  test('asks servers by turns, or by chance where that is wanted', async () => {
    await lab.apply(planOf());
    const turns = await whoAnswers(20);
    assert.ok(
      turns.every((name, index) => index === 0 || name !== turns[index - 1]),
      turns.join(' '),
    );
    await lab.apply(planOf({ balance: 'random' }));
    const chance = await whoAnswers(40);
    assert.deepEqual(new Set(chance), new Set(['one', 'two']));
    assert.ok(
      chance.some((name, index) => name === chance[index - 1]),
      chance.join(' '),
    );
  });
});
