/**
 * Clients that list, watch, lose their connection, page and come back, while others write and the server restarts: whatever the
 * order, they see every change after their list exactly once, and their copy ends up as the store is.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { JsonObject } from '../api/object.ts';
import { resourceTable } from '../api/resource-table.ts';
import { builtinSchema } from '../api/schema/load.ts';
import { StatusError } from '../api/status-error.ts';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { nextInt, SeededPrng } from '../lib/prng.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { bootstrap } from './bootstrap.ts';
import { Registry } from './registry.ts';
import type { ListOptions, RequestTarget, WatchEvent, WatchStream } from './request.ts';
import { rejection } from './testing.ts';

const info = resourceTable().find('', 'v1', 'configmaps');
assert.ok(info);
const resource = info;
const user = { name: 'tester', groups: ['system:masters'] };
const at = (namespace: string, name = ''): RequestTarget => ({ user, resource, namespace, name, subresource: '' });

/** A registry over a file, which can be closed and opened again. */
class World {
  readonly #folder = mkdtempSync(join(tmpdir(), 'naru-resumption-'));
  readonly #eventsMax: number;
  readonly clock = new VirtualClock();
  store!: SqliteStore;
  registry!: Registry;

  constructor(eventsMax = 10_000) {
    this.#eventsMax = eventsMax;
  }

  async open(): Promise<this> {
    const { clock } = this;
    const file = join(this.#folder, 'naru.db');
    this.store = new SqliteStore({ file, clock, log: silentLogger, history: { eventsMax: this.#eventsMax } });
    await this.store.start();
    const rest = { schema: builtinSchema(), resources: resourceTable(), log: silentLogger, prng: new SeededPrng(7) };
    this.registry = new Registry({ store: this.store, clock, ...rest });
    await bootstrap(this.registry);
    return this;
  }

  async restart(): Promise<void> {
    await this.store.close();
    await this.open();
  }

  async remove(): Promise<void> {
    await this.store.close();
    rmSync(this.#folder, { recursive: true });
  }
}

interface View {
  readonly namespace: string;
  readonly selectors: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>;
}

const views: readonly View[] = [
  { namespace: '', selectors: {} },
  { namespace: 'default', selectors: {} },
  { namespace: '', selectors: { labelSelector: 'on=yes' } },
  { namespace: 'default', selectors: { fieldSelector: 'metadata.name=a' } },
  {
    namespace: '',
    selectors: { fieldSelector: 'metadata.name!=a,metadata.namespace=kube-public', labelSelector: 'on!=yes' },
  },
];

/** What a client knows, and checks on the way. */
class Follower {
  readonly #view: View;
  readonly #known = new Map<string, string>();
  #version = '';
  #stream: WatchStream | undefined;
  /** What a sink throws goes to the log: kept, to fail the test with. */
  readonly failures: unknown[] = [];

  constructor(view: View) {
    this.#view = view;
  }

  async list(registry: Registry, limit: number): Promise<void> {
    this.#known.clear();
    let next = '';
    do {
      const options = { ...this.#view.selectors, ...(limit > 0 && { limit }), ...(next && { continue: next }) };
      const page = await registry.list(at(this.#view.namespace), options);
      for (const { object } of page.entries) {
        const { namespace = '', name = '', resourceVersion = '' } = object.metadata ?? {};
        this.#known.set(`${namespace}/${name}`, resourceVersion);
      }
      assert.ok(
        this.#version === '' || next === '' || page.resourceVersion === this.#version,
        'pages are of one moment',
      );
      this.#version = page.resourceVersion;
      next = page.continue;
    } while (next !== '');
  }

  async follow(registry: Registry): Promise<void> {
    const options = { ...this.#view.selectors, resourceVersion: this.#version, allowWatchBookmarks: true };
    this.#stream = await registry.watch(at(this.#view.namespace), options, {
      event: (event) => {
        try {
          this.#apply(event);
        } catch (error) {
          this.failures.push(error);
        }
      },
      end: () => {
        this.#stream = undefined;
      },
    });
  }

  get following(): boolean {
    return this.#stream !== undefined;
  }

  cut(): void {
    this.#stream?.cancel();
    this.#stream = undefined;
  }

  get summary(): string {
    return [...this.#known].sort().join(' ');
  }

  #apply({ type, object }: WatchEvent): void {
    const { namespace = '', name = '', resourceVersion = '' } = object.metadata ?? {};
    const key = `${namespace}/${name}`;
    assert.notEqual(type, 'ERROR');
    if (type === 'BOOKMARK') assert.ok(Number(resourceVersion) >= Number(this.#version));
    else {
      assert.ok(
        Number(resourceVersion) > Number(this.#version),
        `${type} ${key} ${resourceVersion} after ${this.#version}`,
      );
      assert.equal(this.#known.has(key), type !== 'ADDED', `${type} ${key}`);
      if (type === 'DELETED') this.#known.delete(key);
      else this.#known.set(key, resourceVersion);
    }
    this.#version = resourceVersion;
  }
}

/** One write of somebody's; that it comes too late for its object is no matter. */
async function write(registry: Registry, prng: SeededPrng): Promise<void> {
  const target = at(['default', 'kube-public'][nextInt(prng, 2)] as string, ['a', 'b', 'c', 'd'][nextInt(prng, 4)]);
  const labels = { on: nextInt(prng, 2) === 0 ? 'yes' : 'no' };
  const body: JsonObject = { metadata: { name: target.name, labels }, data: { value: String(prng.next()) } };
  try {
    const choice = nextInt(prng, 4);
    if (choice === 0) await registry.delete(target, {});
    else if (choice === 1) await registry.create({ ...target, name: '' }, body, {});
    else await registry.patch(target, 'application/merge-patch+json', body, {});
  } catch (error) {
    assert.ok(error instanceof StatusError && error.code < 500, String(error));
  }
}

async function run(seed: number): Promise<void> {
  const prng = new SeededPrng(seed);
  const world = await new World().open();
  const followers = views.map((view) => new Follower(view));
  try {
    for (const follower of followers) await follower.list(world.registry, nextInt(prng, 3));
    for (let step = 0; step < 40; step++) {
      const writes = Array.from({ length: nextInt(prng, 6) }, () => write(world.registry, prng));
      const follower = followers[nextInt(prng, followers.length)] as Follower;
      const choice = nextInt(prng, 12);
      if (choice === 0) follower.cut();
      else if (choice === 1) {
        follower.cut();
        const listing = follower.list(world.registry, nextInt(prng, 3));
        writes.push(write(world.registry, prng));
        await listing;
      } else if (!follower.following) await follower.follow(world.registry);
      await Promise.all(writes);
      if (step === 13 || step === 27) await world.restart();
      if (step % 20 === 19) await world.clock.advance(61_000);
    }
    for (const [index, follower] of followers.entries()) {
      if (!follower.following) await follower.follow(world.registry);
      const { namespace, selectors } = views[index] as View;
      const list = await world.registry.list(at(namespace), selectors);
      const truth = list.entries.map(({ key, revision }) => [`${key.namespace}/${key.name}`, String(revision)]);
      assert.deepEqual(follower.failures, []);
      assert.equal(follower.summary, truth.sort().join(' '), `view ${index}`);
    }
  } finally {
    await world.remove();
  }
}

describe('a list and the watch after it', () => {
  for (let seed = 1; seed <= 12; seed++) {
    test(`show every change exactly once, over cuts and restarts (seed ${seed})`, () => run(seed));
  }
});

test('pages go on after a restart, within the history', async () => {
  const world = await new World().open();
  try {
    for (const name of ['a', 'b', 'c']) await world.registry.create(at('default'), { metadata: { name } }, {});
    const first = await world.registry.list(at('default'), { limit: 1 });
    await world.registry.delete(at('default', 'b'), {});
    await world.restart();
    await world.registry.create(at('default'), { metadata: { name: 'bb' } }, {});
    const second = await world.registry.list(at('default'), { limit: 5, continue: first.continue });
    assert.deepEqual(
      second.entries.map(({ key }) => key.name),
      ['b', 'c'],
    );
    assert.equal(second.resourceVersion, first.resourceVersion);
  } finally {
    await world.remove();
  }
});

test('beyond the history, a restart makes watches list again, and pages go on in the present', async () => {
  const world = await new World(4).open();
  try {
    for (const name of ['a', 'b', 'c']) await world.registry.create(at('default'), { metadata: { name } }, {});
    const first = await world.registry.list(at('default'), { limit: 1 });
    for (let index = 0; index < 20; index++) {
      await world.registry.create(at('default'), { metadata: { name: `x${index}` } }, {});
    }
    await world.restart();
    const error = await rejection(world.registry.list(at('default'), { continue: first.continue }), 'Expired');
    assert.ok(error.toStatus().metadata?.continue);
    const events: WatchEvent[] = [];
    let ended = false;
    const sink = { event: (event: WatchEvent) => void events.push(event), end: () => void (ended = true) };
    await world.registry.watch(at('default'), { resourceVersion: first.resourceVersion }, sink);
    const status = events[0]?.object as { code?: number; reason?: string; message?: string };
    assert.deepEqual(
      [events.length, events[0]?.type, status.code, status.reason, ended],
      [1, 'ERROR', 410, 'Expired', true],
    );
    assert.match(status.message ?? '', new RegExp(`^too old resource version: ${first.resourceVersion} \\([0-9]+\\)$`));
  } finally {
    await world.remove();
  }
});
