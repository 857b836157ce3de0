import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { type Logger, silentLogger } from '../../lib/log.ts';
import { KeyFile } from './key-file.ts';
import { RotationRefused, signingBlock, withNewKey, withoutKey, withSigningKey } from './key-rotation.ts';
import {
  type KeyBlock,
  newKeyBlock,
  openKeyBlocks,
  openSigningKeys,
  readKeyBlocks,
  writeKeyBlocks,
} from './signing-key.ts';

const nowMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const idsOf = (blocks: readonly KeyBlock[]): string[] => blocks.map(({ key }) => key.id);

test('a key follows another: it verifies, an hour later it signs, a year later the old one goes', () => {
  const first = [newKeyBlock()];
  const [old = ''] = idsOf(first);
  const added = withNewKey(first, nowMs);
  const [, fresh = ''] = idsOf(added);
  assert.equal(signingBlock(added)?.key.id, old);
  assert.throws(() => withSigningKey(added, fresh, nowMs + 1_800_000), {
    name: 'RotationRefused',
    message: `others may not know key ${fresh} yet; try again in 30 minutes`,
  });
  const turned = withSigningKey(added, fresh.slice(0, 8), nowMs + 3_600_000);
  assert.deepEqual(idsOf(turned), [fresh, old]);
  assert.equal(turned[1]?.retired, '2026-01-01T01:00:00.000Z');
  assert.equal(withSigningKey(turned, fresh, nowMs), turned, 'it signs already');
  assert.throws(() => withoutKey(turned, fresh, nowMs), /signs; let another one sign first/);
  assert.throws(() => withoutKey(turned, old, nowMs + 100 * dayMs), /may hold for 266 more days$/);
  assert.deepEqual(idsOf(withoutKey(turned, old, nowMs + 366 * dayMs)), [fresh]);
  assert.deepEqual(idsOf(withoutKey(turned, old, nowMs, { tooEarly: true })), [fresh]);
  assert.deepEqual(idsOf(withSigningKey(added, fresh, nowMs, { tooEarly: true })), [fresh, old]);
  assert.deepEqual(idsOf(withoutKey(added, fresh, nowMs)), [old], 'one that never signed may go at once');
});

test('a rotation names a key that is there, and only one', () => {
  const blocks = withNewKey([newKeyBlock()], nowMs);
  assert.throws(() => withSigningKey(blocks, 'none', nowMs), /there is no key none/);
  assert.throws(() => withSigningKey(blocks, '', nowMs), RotationRefused);
  let many: readonly KeyBlock[] = blocks;
  while (many.length < limits.tokenKeysMax) many = withNewKey(many, nowMs);
  assert.throws(() => withNewKey(many, nowMs), /there are 16 keys already/);
});

function fileIn(context: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-keys-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'service-accounts.key');
}

test('what a file notes about its keys survives, for its owner alone', async (context) => {
  const file = fileIn(context);
  const added = withNewKey(await openKeyBlocks(file), nowMs);
  const turned = withSigningKey(added, idsOf(added)[1] ?? '', nowMs, { tooEarly: true });
  await writeKeyBlocks(file, turned);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const read = (await readKeyBlocks(file)) ?? [];
  assert.deepEqual(idsOf(read), idsOf(turned));
  assert.deepEqual(
    read.map((block) => [block.added, block.retired]),
    [
      ['2026-01-01T00:00:00.000Z', undefined],
      [undefined, '2026-01-01T00:00:00.000Z'],
    ],
  );
});

/** Lets what waits for the disk happen. */
async function settled(until: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000 && !until(); turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(until());
}

test('the running server takes over what stands in the file, and keeps what it has where that cannot be used', async (context) => {
  const file = fileIn(context);
  const keys = await openSigningKeys(file);
  const errors: string[] = [];
  const infos: string[] = [];
  const log: Logger = {
    ...silentLogger,
    error: (message) => void errors.push(message),
    info: (message) => void infos.push(message),
  };
  const clock = new VirtualClock();
  const service = new KeyFile({ file, keys, clock, log });
  await service.start();
  const old = keys.signing.id;
  const blocks = withNewKey((await readKeyBlocks(file)) ?? [], nowMs);
  const turned = withSigningKey(blocks, idsOf(blocks)[1] ?? '', nowMs, { tooEarly: true });
  let seconds = 0;
  const write = async (change: () => Promise<void> | void): Promise<void> => {
    await change();
    seconds += 10;
  };
  const look = async (until: () => boolean): Promise<void> => {
    for (let round = 0; round < 50 && !until(); round++) {
      await clock.advance(limits.keyFileLookMs);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await settled(until);
  };
  await write(() => writeKeyBlocks(file, turned));
  await look(() => keys.version === 1);
  assert.deepEqual(
    keys.all.map(({ id }) => id),
    [idsOf(blocks)[1], old],
  );
  assert.equal(keys.signing.id, idsOf(blocks)[1]);
  await write(() => {
    writeFileSync(file, 'broken');
    utimesSync(file, seconds, seconds);
  });
  await look(() => errors.length === 1);
  await write(() => unlinkSync(file));
  await look(() => errors.length === 2);
  assert.equal(keys.version, 1);
  await write(() => writeKeyBlocks(file, [turned[1] as KeyBlock]));
  await look(() => keys.version === 2);
  assert.equal(keys.signing.id, old);
  assert.equal(errors.length, 2, 'each is told once');
  assert.equal(infos.length, 2);
  await service.close();
});

test('no new key has a name that a command line would take for an option', () => {
  const ids = Array.from({ length: 300 }, () => newKeyBlock().key.id);
  assert.deepEqual(
    ids.filter((id) => id.startsWith('-')),
    [],
  );
});
