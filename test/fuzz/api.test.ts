/**
 * The API under broken requests: nothing that a client sends may crash it, hang it, make it fail or grow. From one seed:
 *
 *   NARU_FUZZ_SEED      the seed; the day's number where absent is not used: one that always finds the same
 *   NARU_FUZZ_REQUESTS  how many requests
 *   NARU_FUZZ_ONLY      the numbers of requests that are sent alone, in this order, with their answers printed: `12,40`
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
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
      .map(({ kind }) => kind)
      .filter((kind) => !knownKinds.has(kind) && kind !== 'ComponentStatus');
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
      const figures = await server.figures();
      quarters.push(figures);
      console.error(`quarter ${quarter + 1}: ${describe_(figures)}`);
    }
    console.error(
      `${run.requests} requests, ${run.readBacks} objects read back; statuses ${JSON.stringify([...run.statuses].sort(([a], [b]) => a - b))}`,
    );
    console.error(`slowest: ${run.slowest.ms.toFixed(0)} ms ${run.slowest.request.slice(0, 300)}`);
    if (run.faults.length > 0) console.error(`NARU_FUZZ_SEED=${seed}\n${run.faults.join('\n\n')}`);
    assert.equal(run.faults.length, 0, `${run.faults.length} faults`);
  });

  test('the server logged no error', () => {
    assert.deepEqual(server.errors.slice(0, 20), []);
  });
});

function describe_({ heldBytes, residentBytes, longestStallMs, handles }: ServerFigures): string {
  const mib = (bytes: number): string => `${(bytes / mebibyte).toFixed(1)} MiB`;
  return `${mib(heldBytes)} held, ${mib(residentBytes)} resident, longest stall ${longestStallMs.toFixed(0)} ms, ${JSON.stringify(handles)}`;
}
