/**
 * The API under broken requests: nothing that a client sends may crash it, hang it, make it fail or grow. From one seed:
 *
 *   NARU_FUZZ_SEED      the seed; always the same one where absent, so that what fails fails again
 *   NARU_FUZZ_REQUESTS  how many requests
 *   NARU_FUZZ_ONLY      the numbers of requests that are sent alone, in this order, with their answers printed: `12,40`
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { isVerdict } from './make/extensions.ts';
import { makeRequest } from './make/families.ts';
import { served } from './make/paths.ts';
import { describeRequest } from './make/request.ts';
import { knownKinds } from './make/valid-objects.ts';
import { Run } from './run.ts';
import { type FuzzedServer, type ServerFigures, startServer } from './server.ts';

const seed = Number(process.env['NARU_FUZZ_SEED'] ?? 1936);
const requests = Number(process.env['NARU_FUZZ_REQUESTS'] ?? 50_000);
const only = process.env['NARU_FUZZ_ONLY'];

const mebibyte = 1024 * 1024;
/** Objects that the garbage collector has not come to yet, caches that fill, and code that was compiled. */
const quarterGrowthBytesMax = 48 * mebibyte;
const growthBytesMax = 96 * mebibyte;
/** On a machine whose processors others use, too. */
const stallMsMax = 5_000;
const goodMsMax = 1_000;

describe(`the API under ${only === undefined ? requests : 'single'} broken requests, seed ${seed}`, () => {
  let server: FuzzedServer;
  let run: Run;
  let start: ServerFigures;
  const quarters: ServerFigures[] = [];

  before(async () => {
    server = await startServer((line) => console.error(`server: ${line.trim()}`));
    run = new Run(server, seed);
    await run.prepare();
    await run.disconnect();
    start = await server.figures();
  });
  after(async () => {
    await run.disconnect();
    await server.close();
  });

  test('there is a good object to start from of every kind that is served', () => {
    const unknown = served
      .filter(({ custom, kind }) => !custom && !knownKinds.has(kind) && kind !== 'ComponentStatus')
      .map(({ kind }) => kind);
    assert.deepEqual(unknown, []);
  });

  if (only !== undefined) {
    test('single requests', async () => {
      for (const index of only.split(',').map(Number)) {
        const received = await run.one(index);
        console.error(describeRequest(makeRequest(seed, index)));
        console.error(`  → ${received?.status} ${received?.body.toString().slice(0, 2_000)}\n`);
      }
      assert.deepEqual([...run.faults, ...server.errors], []);
    });
    return;
  }

  test('every request is answered as upstream would answer', async () => {
    for (let quarter = 0; quarter < 4; quarter++) {
      await run.requestsBetween((requests / 4) * quarter, (requests / 4) * (quarter + 1));
      await run.clear();
      await run.disconnect();
      const figures = await settledFigures(server, start);
      quarters.push(figures);
      console.error(`quarter ${quarter + 1}: ${summary(figures)}`);
    }
    console.error(
      `${run.requests} requests, ${run.readBacks} objects read back; statuses ${JSON.stringify([...run.statuses].sort(([a], [b]) => a - b))}`,
    );
    console.error(`slowest: ${run.slowest.ms.toFixed(0)} ms ${run.slowest.request.slice(0, 300)}`);
    if (run.faults.length > 0) console.error(`NARU_FUZZ_SEED=${seed}\n${run.faults.join('\n\n')}`);
    assert.equal(run.faults.length, 0, `${run.faults.length} faults`);
  });

  test('the server logged no error', () => {
    const errors = server.errors.filter((line) => !isVerdict(line));
    assert.deepEqual(errors.slice(0, 20), []);
  });

  test('nothing kept it from all others for long', () => {
    for (const { longestStallMs } of quarters) assert.ok(longestStallMs < stallMsMax, `${longestStallMs} ms`);
  });

  test('what it holds in memory does not grow', () => {
    const [, second, , last] = quarters.map(({ heldBytes }) => heldBytes);
    assert.ok(second !== undefined && last !== undefined);
    assert.ok(last - second < quarterGrowthBytesMax, `${last - second} bytes from the second to the last quarter`);
    assert.ok(last - start.heldBytes < growthBytesMax, `${last - start.heldBytes} bytes in all`);
  });

  test('no connection, request or watch of a client is left', async () => {
    assert.deepEqual(await stillServed(run), []);
    await run.disconnect();
    const { handles } = await settledFigures(server, start);
    assert.ok((handles['TCPSocketWrap'] ?? 0) <= (start.handles['TCPSocketWrap'] ?? 0), JSON.stringify(handles));
  });

  test('a good request is answered as fast as ever', async () => {
    await run.goodRequestMs();
    const ms = await run.goodRequestMs();
    assert.ok(ms < goodMsMax, `${ms} ms`);
    assert.deepEqual(run.faults, []);
  });
});

/** What is in flight, but for the question itself. The server tells the most since it was last asked: so it is asked again. */
async function stillServed(run: Run): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const text = await run.metrics();
    const series = /^apiserver_(?:current_inflight|longrunning)_requests\{.*\} \d+$/gm;
    const lines = [...text.matchAll(series)].map(([line]) => line);
    assert.ok(lines.length > 0);
    const held = lines.filter((line) => !/ 0$|"readOnly"\} 1$/.test(line));
    if (held.length === 0 || tries === 10) return held;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The server hears of a connection's end a moment after its client, and one collection does not find all: the least of a few. */
async function settledFigures(server: FuzzedServer, start: ServerFigures): Promise<ServerFigures> {
  const sockets = ({ handles }: ServerFigures): number => handles['TCPSocketWrap'] ?? 0;
  let figures = await server.figures();
  let { heldBytes, longestStallMs } = figures;
  for (let tries = 0; tries < 3 || (tries < 20 && sockets(figures) > sockets(start)); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    figures = await server.figures();
    heldBytes = Math.min(heldBytes, figures.heldBytes);
    longestStallMs = Math.max(longestStallMs, figures.longestStallMs);
  }
  return { ...figures, heldBytes, longestStallMs };
}

function summary({ heldBytes, residentBytes, longestStallMs, handles }: ServerFigures): string {
  const mib = (bytes: number): string => `${(bytes / mebibyte).toFixed(1)} MiB`;
  return `${mib(heldBytes)} held, ${mib(residentBytes)} resident, longest stall ${longestStallMs.toFixed(0)} ms, ${JSON.stringify(handles)}`;
}
