import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { localImagesAnnotation, localImagesOf } from '../../api/shared-images.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { ImageStatus } from '../runtime.ts';
import { LocalImages, localImagesFolder, noteLocalImage } from './local-images.ts';

const id = (digit: string): string => `sha256:${digit.repeat(64)}`;

function setUp(context: TestContext) {
  const home = mkdtempSync(path.join(os.tmpdir(), 'naru-local-images-'));
  context.after(() => rmSync(home, { recursive: true, force: true }));
  const clock = new VirtualClock();
  const folder = localImagesFolder(home);
  let asked = 0;
  const here = new Map<string, string>();
  const images = async (): Promise<readonly ImageStatus[]> => {
    asked++;
    return [...here].map(([tag, id]) => ({ id, tags: [tag], digests: [], sizeBytes: 1 }));
  };
  const note = async (name: string, digit: string): Promise<void> => {
    here.set(name, id(digit));
    await noteLocalImage(folder, { name, id: id(digit), importedAtMs: clock.now() });
  };
  return { clock, folder, here, note, local: new LocalImages({ folder, images, clock }), looks: () => asked };
}

test('a node without images of its own asks nobody, and its Node says nothing', async (context) => {
  const { local, looks } = setUp(context);
  assert.deepEqual(await local.annotations(), { [localImagesAnnotation]: null });
  assert.equal(looks(), 0);
});

test('what was imported is told, the newest first, while its name stands for it', async (context) => {
  const { clock, folder, here, note, local } = setUp(context);
  await note('a:1', 'a');
  await clock.advance(1000);
  await note('b:1', 'b');
  const annotations = await local.annotations();
  const told = localImagesOf({ metadata: { annotations: { ...annotations } as Record<string, string> } });
  assert.deepEqual(
    told.map(({ name, id }) => [name, id]),
    [
      ['b:1', id('b')],
      ['a:1', id('a')],
    ],
  );
  here.set('b:1', id('c'));
  const names = async () => (await local.list()).map(({ name }) => name);
  assert.deepEqual(await names(), ['a:1'], 'another was pulled under its name');
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  writeFileSync(path.join(folder, 'f'.repeat(64)), '{"name":7}');
  assert.deepEqual(await names(), ['a:1'], 'a note that is none');
});

test('the note of an image that went is removed, but not at once', async (context) => {
  const { clock, folder, here, note, local } = setUp(context);
  await note('a:1', 'a');
  here.clear();
  assert.deepEqual(await local.list(), []);
  assert.equal(readdirSync(folder).length, 1, 'the runtime may not see it yet');
  await clock.advance(61_000);
  await local.list();
  assert.equal(readdirSync(folder).length, 0);
});

test('not more are told than a Node bears', async (context) => {
  const { clock, note, local } = setUp(context);
  for (let index = 0; index <= limits.localImagesMax; index++) {
    await note(`a:${index}`, 'a');
    await clock.advance(1);
  }
  const told = await local.list();
  assert.equal(told.length, limits.localImagesMax);
  assert.equal(told[0]?.name, `a:${limits.localImagesMax}`);
});
