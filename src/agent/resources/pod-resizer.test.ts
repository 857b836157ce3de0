import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger as log } from '../../lib/log.ts';
import { make } from '../testing.ts';
import { AllocationFile } from './allocation-file.ts';
import { PodResizer } from './pod-resizer.ts';

const rules = { memoryCapacityBytes: 2 ** 30, cpuCFSQuota: true, hugepageSizes: [], podPidsLimit: -1 };

async function resizerOf(folder: string): Promise<PodResizer> {
  const store = new AllocationFile(folder, log);
  const options = { store, node: () => undefined, rules, events: { record() {} }, clock: new VirtualClock(), log };
  const resizer = new PodResizer(options, () => ({ active: () => [], renew() {} }));
  await resizer.start();
  return resizer;
}

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-resizer-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const burstable = (uid: string) =>
  make.pod({ containers: [make.container('app', { resources: { requests: { cpu: '1' } } })] }, { uid });

test('pods that come at once are all on the disk when the first sandbox is made', async (context) => {
  const folder = folderFor(context);
  const resizer = await resizerOf(folder);
  for (const uid of ['a', 'b', 'c']) resizer.admit(burstable(uid));
  await resizer.prepare();
  assert.deepEqual((await resizerOf(folder)).uids(), ['a', 'b', 'c']);
  resizer.release('a');
  resizer.release('b');
  await resizer.close();
  assert.deepEqual((await resizerOf(folder)).uids(), ['c'], 'and gone with their pods');
});

test('a pod waits while nothing can be written, and goes on when there is room again', async (context) => {
  const folder = path.join(folderFor(context), 'state');
  const resizer = await resizerOf(folder);
  writeFileSync(folder, '');
  resizer.admit(burstable('a'));
  await assert.rejects(resizer.prepare(), { code: 'EEXIST' });
  await assert.rejects(resizer.prepare(), { code: 'EEXIST' });
  rmSync(folder);
  await resizer.prepare();
  assert.deepEqual((await resizerOf(folder)).uids(), ['a']);
  await resizer.close();
});
