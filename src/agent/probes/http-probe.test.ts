import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type HttpProbe, httpProbe } from './http-probe.ts';

async function serve(context: TestContext, listener: http.RequestListener): Promise<Omit<HttpProbe, 'path'>> {
  const server = http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.closeAllConnections());
  context.after(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { scheme: 'http', host: '127.0.0.1', port, headers: [] };
}

test('codes from 200 to 399 are a success, others say which they were', async (context) => {
  const target = await serve(context, ({ url = '' }, response) => response.writeHead(Number(url.slice(1))).end());
  const ask = async (code: number) => httpProbe({ ...target, path: `/${code}` }, 5000);
  for (const code of [200, 204, 299, 304]) assert.equal((await ask(code)).ok, true, String(code));
  for (const code of [400, 404, 500]) {
    const { ok, message } = await ask(code);
    assert.deepEqual([ok, message], [false, `HTTP probe failed with statuscode: ${code}`]);
  }
});

test('redirects on the same host are followed; another host ends them with a warning; without end they fail', async (context) => {
  const target = await serve(context, ({ url }, response) => {
    if (url === '/there') response.end();
    else if (url === '/here') response.writeHead(302, { location: '/there' }).end();
    else if (url === '/away') response.writeHead(302, { location: 'http://example.invalid/' }).end('moved');
    else response.writeHead(302, { location: '/round' }).end();
  });
  assert.deepEqual(await httpProbe({ ...target, path: '/here' }, 5000), { ok: true, answered: true, message: '' });
  const away = await httpProbe({ ...target, path: '/away' }, 5000);
  assert.deepEqual([away.ok, away.isWarning], [true, true]);
  assert.equal(away.message, 'Probe terminated redirects, Response body: moved');
  const round = await httpProbe({ ...target, path: '/round' }, 5000);
  assert.match(round.message, /^Get "http:\/\/127\.0\.0\.1:\d+\/round": stopped after 10 redirects$/);
});

test('the pod chooses headers; what it does not choose says that a probe asks', async (context) => {
  const seen: string[][] = [];
  const target = await serve(context, ({ rawHeaders }, response) => {
    seen.push(rawHeaders.map((word) => word.toLowerCase()));
    response.end();
  });
  await httpProbe({ ...target, path: '/' }, 5000);
  const headers = [
    ['Host', 'app.example'],
    ['X-A', '1'],
    ['x-a', '2'],
    ['User-Agent', 'mine'],
    ['Accept', ''],
  ] as const;
  await httpProbe({ ...target, headers, path: '/?a=b' }, 5000);
  const valuesOf = (index: number, name: string) =>
    seen[index]?.flatMap((word, at, all) => (at % 2 === 0 && word === name ? [all[at + 1]] : []));
  assert.deepEqual(valuesOf(0, 'user-agent'), ['kube-probe/1.36']);
  assert.deepEqual(valuesOf(0, 'accept'), ['*/*']);
  assert.deepEqual(valuesOf(0, 'host'), [`127.0.0.1:${target.port}`]);
  assert.deepEqual(valuesOf(1, 'host'), ['app.example']);
  assert.deepEqual(valuesOf(1, 'x-a'), ['1', '2']);
  assert.deepEqual(valuesOf(1, 'user-agent'), ['mine']);
  assert.deepEqual(valuesOf(1, 'accept'), []);
});

test('of a body without end no more is read than an event can show', async (context) => {
  const target = await serve(context, (_, response) => {
    const more = (): void => {
      if (!response.destroyed && response.write('x'.repeat(1000))) setImmediate(more);
    };
    response.on('drain', more);
    more();
  });
  assert.equal((await httpProbe({ ...target, path: '/' }, 5000)).ok, true);
});

test('who does not answer in time, or not at all, has failed', async (context) => {
  const target = await serve(context, () => {});
  const slow = await httpProbe({ ...target, path: '/' }, 50);
  assert.match(
    slow.message,
    /^Get ".*": context deadline exceeded \(Client\.Timeout exceeded while awaiting headers\)$/,
  );
  const nobody = await httpProbe({ ...target, port: 1, path: '/' }, 5000);
  assert.deepEqual([nobody.ok, nobody.answered], [false, undefined]);
  assert.match(nobody.message, /dial tcp 127\.0\.0\.1:1: connect: connection refused$/);
});
