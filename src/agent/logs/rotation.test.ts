import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { RealClock, VirtualClock } from '../../lib/clock.ts';
import { silentLogger as log } from '../../lib/log.ts';
import type { ContainerStatus } from '../runtime.ts';
import { make } from '../testing.ts';
import { LogFiles } from './log-files.ts';
import { LogRotator } from './log-rotator.ts';
import { planRotation, rotatedName } from './rotation.ts';

describe('which files of a log stay', () => {
  const rotated = (day: number, suffix = ''): string => `0.log.2026010${day}-000000${suffix}`;

  test('as many as allowed, with room for the one that is rotated next', () => {
    const names = ['0.log', rotated(1, '.gz'), rotated(2, '.gz'), rotated(3, '.gz'), rotated(4)];
    assert.deepEqual(planRotation(names, '0.log', 5), { remove: [rotated(1, '.gz')], compress: [rotated(4)] });
    assert.deepEqual(planRotation(names, '0.log', 2), { remove: names.slice(1), compress: [] });
  });

  test('files of other logs are left alone; what was left half compressed goes', () => {
    const names = [
      '0.log',
      '1.log',
      '1.log.20260101-000000',
      '0.log.backup',
      `${rotated(1)}.tmp`,
      '10.log.20260101-000000',
    ];
    assert.deepEqual(planRotation(names, '0.log', 5), { remove: [`${rotated(1)}.tmp`], compress: [] });
  });

  test('two within a second have names of their own, the older first', () => {
    const first = rotatedName('0.log', 0, []);
    const second = rotatedName('0.log', 0, [first]);
    assert.equal(first, '0.log.19700101-000000');
    assert.notEqual(second, first);
    assert.notEqual(rotatedName('0.log', 0, [`${first}.gz`]), first);
    assert.deepEqual(planRotation([second, first], '0.log', 3).remove, [first]);
  });
});

async function startRotator(context: TestContext, options: { readonly failsToReopen?: boolean } = {}) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'naru-logs-'));
  context.after(() => fs.rm(folder, { recursive: true, force: true }));
  const logPath = path.join(folder, '0.log');
  const run = make.run('app', { logPath });
  const clock = new VirtualClock();
  let fails = options.failsToReopen ?? false;
  const rotator = new LogRotator({
    // As a runtime does: a new file under the old name.
    runtime: {
      reopenLog: async () => {
        if (fails) throw new Error('the runtime is away');
        await fs.appendFile(logPath, '');
      },
    },
    containers: (): ContainerStatus[] => [run],
    configuration: {
      containerLogMaxSize: '100',
      containerLogMaxFiles: 3,
      containerLogMaxWorkers: 1,
      containerLogMonitorIntervalMs: 10_000,
    },
    clock,
    log,
  });
  const write = (text: string): Promise<void> =>
    fs.appendFile(logPath, `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`);
  return { rotator, folder, logPath, run, write, clock, mend: () => void (fails = false) };
}

/** For the reading of files. */
const realTime = new RealClock({ keepsAlive: true });
const long = (letter: string): string => letter.repeat(100);

describe('the log rotator', () => {
  test('a log within its bounds is left alone, a larger one is rotated, older ones are compressed, the oldest goes', async (context) => {
    const { rotator, folder, write, clock } = await startRotator(context);
    await write('short');
    await rotator.rotateAll();
    assert.deepEqual(await fs.readdir(folder), ['0.log']);
    for (const letter of ['a', 'b', 'c', 'd']) {
      await write(long(letter));
      await rotator.rotateAll();
      await clock.advance(60_000);
    }
    const names = (await fs.readdir(folder)).toSorted();
    assert.equal(names.length, 3);
    assert.match(names[1] ?? '', /\.gz$/);
    const [, compressed = '', plain = ''] = names;
    assert.match(gunzipSync(await fs.readFile(path.join(folder, compressed))).toString(), /c{100}/);
    assert.match(await fs.readFile(path.join(folder, plain), 'utf8'), /d{100}/);
  });

  test('where the runtime does not write a new file, the old one keeps its name, and the next look tries again', async (context) => {
    const { rotator, folder, write, mend } = await startRotator(context, { failsToReopen: true });
    await write(long('a'));
    await rotator.rotateAll();
    assert.deepEqual(await fs.readdir(folder), ['0.log']);
    mend();
    await rotator.rotateAll();
    assert.equal((await fs.readdir(folder)).length, 2);
  });

  test('a log whose file is missing is made again: an agent may have died in between', async (context) => {
    const { rotator, folder, write, logPath } = await startRotator(context);
    await write('a');
    await fs.rename(logPath, `${logPath}.20260101-000000`);
    await rotator.rotateAll();
    assert.deepEqual((await fs.readdir(folder)).toSorted(), ['0.log', '0.log.20260101-000000']);
  });

  test('it looks every ten seconds, and no more after it was closed', async (context) => {
    const { rotator, folder, write, clock } = await startRotator(context);
    await rotator.start();
    await write(long('a'));
    for (let tries = 0; (await fs.readdir(folder)).length < 2; tries++) {
      assert.ok(tries < 1000);
      await clock.advance(1000);
      await realTime.sleep(2);
    }
    await rotator.close();
  });

  test('with its run, all files of a log are removed, and those of other runs stay', async (context) => {
    const { folder, run, write } = await startRotator(context);
    await write('a');
    for (const name of ['0.log.20260101-000000', '0.log.20260101-000001.gz', '0.log.x.tmp', '1.log', '1.log.x.tmp']) {
      await fs.writeFile(path.join(folder, name), '');
    }
    await new LogFiles({ root: folder, clock: new VirtualClock() }).removeRun(run);
    assert.deepEqual((await fs.readdir(folder)).toSorted(), ['1.log', '1.log.x.tmp']);
  });
});
