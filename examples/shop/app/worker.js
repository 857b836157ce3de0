/**
 * Takes orders out of the queue and brings each to its end, one step after another. A worker that dies leaves its order in the queue: another one takes it over, and does only
 * the steps that are left. Told to end, it finishes the step that it is at.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from './database.js';
import { nextState } from './orders.js';
import { Queue } from './queue.js';
import { closeServer, endsWith, log, serve } from './service.js';

const stepMs = Number(process.env.WORK_SECONDS ?? 1) * 1000;
const lookEveryMs = 60_000;
const forgottenSeconds = 300;
const name = process.env.POD_NAME ?? 'worker';

const database = new Database();
const queue = await Queue.open();
/** Set once, when it is told to end. */
const ending = new AbortController();
let lookedMs = -Infinity;

async function work() {
  while (!ending.signal.aborted) {
    try {
      await workOnce();
    } catch (error) {
      log('an order must wait', { error: error.message });
      lookedMs = -Infinity;
      await sleep(1000);
    }
  }
}

async function workOnce() {
  await takeForgotten();
  const task = await queue.take(name);
  if (task === undefined) return;
  if (await finish(await database.find(task.order))) await queue.done(task);
}

/** False where it was told to end before the order was done. */
async function finish(order) {
  for (let now = order; now !== undefined && nextState(now.state) !== undefined; ) {
    if (ending.signal.aborted) return false;
    await sleep(stepMs);
    now = await database.move(now.id, now.state, nextState(now.state));
    if (now === undefined) continue;
    log('order moved', { order: now.id, state: now.state });
    await queue.tell(now);
  }
  return true;
}

/** At first, after every trouble, and once a minute: orders that are in the database alone. */
async function takeForgotten() {
  if (performance.now() - lookedMs < lookEveryMs) return;
  await database.check();
  await queue.prepare();
  lookedMs = performance.now();
  for (const id of await database.takeForgotten(forgottenSeconds)) await queue.add(id);
}

const server = serve(
  (_request, response) => response.writeHead(404).end(),
  async () => {
    await database.check();
    await queue.check();
  },
);
const working = work();

endsWith(async () => {
  ending.abort();
  await working;
  await closeServer(server);
  queue.close();
  await database.close();
});
