import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from './clock.ts';
import { JsonLogger } from './log.ts';

test('a line is one JSON object with time, level, message and all fields; errors keep their cause', () => {
  const lines: string[] = [];
  const log = new JsonLogger({ clock: new VirtualClock(0), write: (line) => lines.push(line) }).with({ part: 'store' });
  log.debug('below the level');
  log.warn('disk is slow', { error: new Error('outer', { cause: new Error('inner') }) });
  assert.equal(lines.length, 1);
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    time: '1970-01-01T00:00:00.000Z',
    level: 'warn',
    message: 'disk is slow',
    part: 'store',
    error: { error: 'Error: outer', cause: 'Error: inner' },
  });
});
