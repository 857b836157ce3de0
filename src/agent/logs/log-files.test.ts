import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { RealClock } from '../../lib/clock.ts';
import { make } from '../testing.ts';
import { LogFiles } from './log-files.ts';
import type { LogOptions } from './log-filter.ts';

interface LogFile {
  readonly logs: LogFiles;
  readonly file: string;
  readonly read: (options?: LogOptions) => Promise<string>;
}

async function logFile(context: TestContext, content: string): Promise<LogFile> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'naru-logs-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const file = path.join(root, 'app', '0.log');
  await mkdir(path.dirname(file));
  await writeFile(file, content);
  const logs = new LogFiles({ root, clock: new RealClock() });
  const read = async (options: LogOptions = {}): Promise<string> => {
    const signal = new AbortController().signal;
    const rest = { follow: false, isRunning: async () => false, signal };
    let text = '';
    for await (const block of logs.stream(make.run('app', { logPath: file }), { ...options, ...rest }))
      text += String(block);
    return text;
  };
  return { logs, file, read };
}

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}.123456789Z`;
const line = (second: number, text: string, tag = 'F', stream = 'stdout') => `${at(second)} ${stream} ${tag} ${text}\n`;
const content = [
  line(1, 'one'),
  line(2, 'two', 'F', 'stderr'),
  line(3, 'thr', 'P'),
  line(3, 'ee'),
  line(4, 'four'),
].join('');

test('a log shows its text, with parts joined', async (context) => {
  const { read } = await logFile(context, content);
  assert.equal(await read(), 'one\ntwo\nthree\nfour\n');
});

test('options choose lines: the last ones, those since a time, those of a stream, so many bytes', async (context) => {
  const { read } = await logFile(context, content);
  const cases: readonly (readonly [LogOptions, string])[] = [
    [{ tailLines: 2 }, 'ee\nfour\n'],
    [{ tailLines: 1 }, 'four\n'],
    [{ tailLines: 0 }, ''],
    [{ tailLines: 99 }, 'one\ntwo\nthree\nfour\n'],
    [{ sinceMs: Date.UTC(2026, 0, 1, 0, 0, 3) }, 'three\nfour\n'],
    [{ stream: 'stderr' }, 'two\n'],
    [{ limitBytes: 6 }, 'one\ntw'],
    [{ timestamps: true, tailLines: 1 }, `${at(4)} four\n`],
    [{ timestamps: true, sinceMs: Date.UTC(2026, 0, 1, 0, 0, 3), limitBytes: 37 }, `${at(3)} three\n`],
  ];
  for (const [options, expected] of cases) assert.equal(await read(options), expected, JSON.stringify(options));
});

test('times are shown with nine digits, however many the runtime wrote', async (context) => {
  const times = ['2026-01-01T00:00:01.5Z', '2026-01-01T00:00:02Z', '2026-01-01T00:00:03.000000004+09:00'];
  const { read } = await logFile(context, times.map((time) => `${time} stdout F x\n`).join(''));
  assert.deepEqual((await read({ timestamps: true })).split(' x\n'), [
    '2026-01-01T00:00:01.500000000Z',
    '2026-01-01T00:00:02.000000000Z',
    '2026-01-01T00:00:03.000000004+09:00',
    '',
  ]);
});

test('a large log is read in blocks, and its end is found from the end', async (context) => {
  const lines = Array.from({ length: 20_000 }, (_, number) => `line ${number} ${'x'.repeat(number % 50)}`);
  const { read } = await logFile(context, lines.map((text) => line(1, text)).join(''));
  assert.equal(await read(), lines.map((text) => `${text}\n`).join(''));
  assert.equal(
    await read({ tailLines: 5000 }),
    lines
      .slice(-5000)
      .map((text) => `${text}\n`)
      .join(''),
  );
});

test('lines that are no log lines are left out, and a last line without its end is shown', async (context) => {
  const { read } = await logFile(context, `nonsense\n${line(1, 'one')}${at(2)} stdout P two`);
  assert.equal(await read(), 'one\ntwo');
});

test('a follower goes with rotations, loses nothing, repeats nothing, and ends with its container', async (context) => {
  const { logs, file } = await logFile(context, '');
  let running = true;
  const options = { follow: true, isRunning: async () => running, signal: new AbortController().signal };
  let text = '';
  const following = (async () => {
    for await (const block of logs.stream(make.run('app', { logPath: file }), options)) text += String(block);
  })();
  const clock = new RealClock();
  const expected: string[] = [];
  for (let round = 0; round < 4; round++) {
    for (let number = 0; number < 10; number++) {
      const words = `round ${round} line ${number}`;
      expected.push(`${words}\n`);
      await appendFile(file, line(1, words));
    }
    await clock.sleep(20);
    // The runtime writes on into the renamed file until it is told to open the new one.
    await rename(file, `${file}.${round}`);
    await appendFile(`${file}.${round}`, line(1, `late ${round}`));
    expected.push(`late ${round}\n`);
    await clock.sleep(10);
    await writeFile(file, '');
    await clock.sleep(20);
  }
  running = false;
  await appendFile(file, line(2, 'last'));
  expected.push('last\n');
  await following;
  assert.equal(text, expected.join(''));
});

test('a follower stops when nobody listens any more', async (context) => {
  const { logs, file } = await logFile(context, line(1, 'one'));
  const gone = new AbortController();
  const options = { follow: true, isRunning: async () => true, signal: gone.signal };
  const seen: string[] = [];
  for await (const block of logs.stream(make.run('app', { logPath: file }), options)) {
    seen.push(String(block));
    gone.abort();
  }
  assert.deepEqual(seen, ['one\n']);
});

test('the tail for a termination message is bounded in lines and bytes, and empty where there is no log', async (context) => {
  const { logs, file } = await logFile(context, content);
  const run = make.run('app', { logPath: file });
  assert.equal(await logs.tail(run, { lines: 80, bytes: 8 }), 'ee\nfour\n');
  assert.equal(await logs.tail({ ...run, logPath: `${file}.none` }, { lines: 80, bytes: 8 }), '');
});
