import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { ImageOffer } from '../../api/shared-images.ts';
import { packImage } from '../../images/pack-image.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { silentLogger } from '../../lib/log.ts';
import type { ImageStatus } from '../runtime.ts';
import { ImagesOfNodes } from './images-of-nodes.ts';

const name = 'docker.io/shop/web:1';
const id = `sha256:${'a'.repeat(64)}`;
const offer = (node: string): ImageOffer => ({ node, id });
const now = <T>(task: () => Promise<T>): Promise<T> => task();

interface Options {
  readonly offers?: () => Promise<readonly ImageOffer[]>;
  readonly open?: (node: string) => Promise<Readable>;
  /** The id under which the runtime knows what came. */
  readonly arrives?: string;
}

async function setUp(context: TestContext, packed = name, options: Options = {}) {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-images-of-nodes-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const output = path.join(root, 'image.tar');
  await packImage({ name: packed, programs: ['/bin/true'], output });
  const archive = await readFile(output);
  const clock = new VirtualClock();
  const here = new Map<string, string>();
  const opened: string[] = [];
  const folder = path.join(root, 'incoming');
  const images = new ImagesOfNodes({
    shared: {
      offers: options.offers ?? (async () => [offer('n1'), offer('n2')]),
      open: async (_name, node) => {
        opened.push(node);
        return options.open === undefined ? Readable.from([archive]) : options.open(node);
      },
    },
    archives: {
      import: async (received) => {
        assert.deepEqual(await readFile(received), archive);
        here.set(packed, options.arrives ?? id);
      },
    },
    runtime: {
      imageStatus: async (wanted: string): Promise<ImageStatus | undefined> => {
        const found = here.get(wanted);
        return found === undefined ? undefined : { id: found, tags: [wanted], digests: [], sizeBytes: 7 };
      },
      removeImage: async () => here.clear(),
    },
    folder,
    clock,
    log: silentLogger,
  });
  return { images, clock, opened, here, archive, left: () => readdirSync(folder) };
}

test('an image comes from the first node that gives it, once for all who wait', async (context) => {
  const { images, opened, left } = await setUp(context);
  const [one, other] = await Promise.all([images.fetch('shop/web:1', now), images.fetch(name, now)]);
  assert.deepEqual(one, { imageId: id, sizeBytes: 7, tookMs: 0, node: 'n1' });
  assert.equal(other, one);
  assert.deepEqual(opened, ['n1']);
  assert.deepEqual(left(), []);
  assert.deepEqual(await images.fetch(name, now), { imageId: id, sizeBytes: 7, tookMs: 0 }, 'it is here now');
  assert.deepEqual(opened, ['n1']);
});

test('nobody has it, or the server does not answer: the registry is asked without further words', async (context) => {
  const none = await setUp(context, name, { offers: async () => [] });
  assert.equal(await none.images.fetch(name, now), undefined);
  const away = await setUp(context, name, { offers: () => Promise.reject(new Error('away')) });
  assert.equal(await away.images.fetch(name, now), undefined);
  const silent = await setUp(context, name, { offers: () => new Promise(() => {}) });
  const fetch = silent.images.fetch(name, now);
  await silent.clock.advance(5_000);
  assert.equal(await fetch, undefined);
});

test('each node that does not give it is named with its reason; the next is asked', async (context) => {
  const { images, opened } = await setUp(context, name, {
    open: (node) => Promise.reject(new Error(`${node} is away`)),
  });
  await assert.rejects(images.fetch(name, now), {
    message:
      'node "n1", where it was imported, did not give it: n1 is away; node "n2", where it was imported, did not give it: n2 is away',
  });
  assert.deepEqual(opened, ['n1', 'n2']);
});

test('what is another image than was told is not kept, and one with another name not brought in', async (context) => {
  const wrong = await setUp(context, name, { arrives: `sha256:${'b'.repeat(64)}` });
  await assert.rejects(wrong.images.fetch(name, now), /what came is sha256:b+, and should be sha256:a+/);
  assert.equal(wrong.here.size, 0);
  const named = await setUp(context, 'docker.io/library/nginx:latest');
  await assert.rejects(named.images.fetch(name, now), /what came is named docker\.io\/library\/nginx:latest/);
  assert.equal(named.here.size, 0);
  assert.deepEqual(named.left(), []);
});

test('an archive that stops coming, or breaks off, is given up and leaves nothing', async (context) => {
  const bodies: PassThrough[] = [];
  const open = async (): Promise<Readable> => {
    const body = new PassThrough();
    bodies.push(body);
    body.write('half');
    return body;
  };
  const { images, clock, left } = await setUp(context, name, { open });
  const fetch = images.fetch(name, now);
  const failed = assert.rejects(fetch, /nothing came for 60 s; node "n2".*: cut off$/);
  while (bodies.length < 1) await new Promise(setImmediate);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  await clock.advance(limits.sharedImageIdleMsMax);
  while (bodies.length < 2) await new Promise(setImmediate);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  bodies[1]?.destroy(new Error('cut off'));
  await failed;
  assert.deepEqual(left(), []);
});
