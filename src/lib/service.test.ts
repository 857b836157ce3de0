import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from './clock.ts';
import { silentLogger } from './log.ts';
import { type Service, ServiceGroup, ServicesTogether } from './service.ts';

function member(name: string, calls: string[], behaviour: Partial<Service> = {}): Service {
  return {
    name,
    start: async () => void calls.push(`start ${name}`),
    close: async () => void calls.push(`close ${name}`),
    ...behaviour,
  };
}

const options = () => ({ clock: new VirtualClock(), log: silentLogger });

test('services start in order and close in reverse', async () => {
  const calls: string[] = [];
  const group = new ServiceGroup('all', [member('a', calls), member('b', calls)], options());
  await group.start();
  await group.close();
  await group.close();
  assert.deepEqual(calls, ['start a', 'start b', 'close b', 'close a']);
});

test('when one does not start, those before it are closed and the error comes out', async () => {
  const calls: string[] = [];
  const broken = member('b', calls, { start: () => Promise.reject(new Error('port in use')) });
  const group = new ServiceGroup('all', [member('a', calls), broken, member('c', calls)], options());
  await assert.rejects(group.start(), /port in use/);
  assert.deepEqual(calls, ['start a', 'close a']);
});

test('one that does not close in time is destroyed, and the rest still close', async () => {
  const calls: string[] = [];
  const clock = new VirtualClock();
  const stuck = member('b', calls, { close: () => new Promise(() => {}), destroy: () => void calls.push('destroy b') });
  const group = new ServiceGroup('all', [member('a', calls), stuck], { clock, log: silentLogger, closeMsMax: 1000 });
  await group.start();
  const closing = group.close();
  await clock.advance(1000);
  await closing;
  assert.deepEqual(calls, ['start a', 'start b', 'destroy b', 'close a']);
});

test('services together start side by side; when one fails, those that started are closed', async () => {
  const calls: string[] = [];
  const clock = new VirtualClock();
  const slow = member('slow', calls, { start: () => clock.sleep(100).then(() => void calls.push('start slow')) });
  const broken = member('broken', calls, { start: () => Promise.reject(new Error('no such program')) });
  const starting = new ServicesTogether('both', [slow, member('quick', calls), broken]).start();
  const failed = assert.rejects(starting, /no such program/);
  await clock.advance(100);
  await failed;
  assert.deepEqual(calls, ['start quick', 'start slow', 'close slow', 'close quick']);
});
