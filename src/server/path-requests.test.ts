import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsFor } from '../api/custom-rows-testing.ts';
import { LiveApi } from '../api/live-api.ts';
import { resourceTable } from '../api/resource-table.ts';
import { builtinSchema } from '../api/schema/load.ts';
import { VirtualClock } from '../lib/clock.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import type { Answer } from './answer.ts';
import type { RequestContext } from './context.ts';
import { PathRequests } from './path-requests.ts';

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const protobuf = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

class World {
  readonly api = new LiveApi(resourceTable(), builtinSchema());
  readonly #requests = new PathRequests({
    clock: new VirtualClock(),
    resources: this.api.resources,
    schema: this.api.schema,
    healthChecks: [],
    metrics: new MetricRegistry(),
  });

  async get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    const { pathname, searchParams } = new URL(url, 'https://naru');
    const exchange = { method: 'GET', headers };
    const context = { exchange, path: pathname, query: searchParams, headers: {}, pretty: false };
    return (await this.#requests.answer(context as unknown as RequestContext)) ?? assert.fail('it is a stream');
  }
}

const tagOf = ({ headers }: Answer): string => String(headers['etag']);
const textOf = ({ body }: Answer): string => Buffer.concat(body).toString();

test('what a definition adds is in the next answer, and gone from the one after it went', async () => {
  const world = new World();
  const documents = [
    ['/apis', { accept: aggregated }],
    ['/openapi/v2', {}],
    ['/openapi/v2', { accept: protobuf }],
    ['/openapi/v3', {}],
  ] as const;
  const tags = async (): Promise<string[]> =>
    Promise.all(documents.map(async ([url, headers]) => tagOf(await world.get(url, headers))));
  const before = await tags();
  assert.equal((await world.get('/apis/bar.k8s.io')).status, 404);
  world.api.serve(rowsFor({ schema: { type: 'object', description: 'What a Foo is' } }));
  const during = await tags();
  for (const [index, tag] of during.entries()) assert.notEqual(tag, before[index]);
  for (const [url, headers] of documents) assert.match(textOf(await world.get(url, headers)), /bar\.k8s\.io/);
  assert.match(textOf(await world.get('/apis/bar.k8s.io/v1')), /"kind":"Foo"/);
  assert.match(textOf(await world.get('/openapi/v3/apis/bar.k8s.io/v1')), /What a Foo is/);
  world.api.serve([]);
  assert.deepEqual(await tags(), before);
  assert.equal((await world.get('/openapi/v3/apis/bar.k8s.io/v1')).status, 404);
});

test('who has a document gets 304, and who asks for an old one is sent on to the new one', async () => {
  const world = new World();
  world.api.serve(rowsFor({ uid: 'one', generation: 1 }));
  const url = '/openapi/v3/apis/bar.k8s.io/v1';
  const first = await world.get(url);
  const hash = tagOf(first).replaceAll('"', '');
  assert.equal((await world.get(url, { 'if-none-match': tagOf(first) })).status, 304);
  assert.match(String((await world.get(`${url}?hash=${hash}`)).headers['cache-control']), /immutable/);
  world.api.serve(rowsFor({ uid: 'one', generation: 2, schema: { type: 'object' } }));
  const moved = await world.get(`${url}?hash=${hash}`);
  assert.equal(moved.status, 301);
  const next = await world.get(String(moved.headers['location']));
  assert.equal(next.status, 200);
  assert.notEqual(tagOf(next), tagOf(first));
  assert.equal((await world.get(url, { 'if-none-match': tagOf(first) })).status, 200);
});
