/** What nobody should ask for, and a server that does not answer: the scheduler keeps its pace, and nobody else is held up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { unreachable } from '../client/errors.ts';
import { intercept } from '../client/intercept.ts';
import { VirtualClock } from '../lib/clock.ts';
import { SeededPrng } from '../lib/prng.ts';
import { decide, refusingPlugins } from './decide.ts';
import { PodFacts, priorityOf } from './pod-facts.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { startScheduling } from './scheduler-testing.ts';
import { makeNode, makePod, makeProfile, makeSnapshot, makeWorld } from './testing.ts';

describe('ten thousand pods that fit nowhere', () => {
  const count = 10_000;

  /** The queue and the decision, without a server: each pop is an attempt. */
  function crowd(): { readonly queue: SchedulingQueue; readonly clock: VirtualClock; attemptAll(): string[] } {
    const clock = new VirtualClock();
    const profile = makeProfile();
    const world = makeWorld(makeSnapshot([makeNode('a'), makeNode('b')]));
    const settings = { initialBackoffMs: 1000, maxBackoffMs: 10_000 };
    const queue = new SchedulingQueue(clock, settings, () => {}, { isHeldBack: () => false, priorityOf });
    for (let index = 0; index < count; index++) queue.add(makePod(`giant-${index}`, { cpu: '64' }), profile);
    const prng = new SeededPrng(3);
    const attemptAll = (): string[] => {
      const attempted: string[] = [];
      for (let popped = queue.pop(); popped !== undefined; popped = queue.pop()) {
        attempted.push(popped.pod.metadata?.name ?? '');
        const decision = decide(new PodFacts(popped.pod), profile, world, prng);
        if (decision.kind === 'none') queue.park(popped.pod, refusingPlugins(decision.refusals));
        else queue.remove(`default/${popped.pod.metadata?.name}`);
      }
      return attempted;
    };
    return { queue, clock, attemptAll };
  }

  test('are tried once, and then every five minutes, as long as nothing changes that could help', async () => {
    const { queue, clock, attemptAll } = crowd();
    let attempts = 0;
    for (let minute = 0; minute < 30; minute++) {
      attempts += attemptAll().length;
      // Heartbeats, a label, a small node: none of them helps.
      queue.changed({ kinds: ['NodeAdd'], after: makeNode('small', { cpu: '1' }) });
      queue.changed({ kinds: ['NodeLabel'], before: makeNode('a'), after: makeNode('a') });
      await clock.advance(60_000);
    }
    assert.ok(attempts >= 6 * count && attempts <= 7 * count, `${attempts} attempts in half an hour`);
    queue.close();
  });

  test('stand behind one that comes, although a pod that went has woken them all', () => {
    const { queue, attemptAll } = crowd();
    attemptAll();
    queue.changed({ kinds: ['AssignedPodDelete'], before: makePod('gone') });
    queue.add(makePod('small', { cpu: '1' }), makeProfile());
    const [first, ...others] = attemptAll();
    assert.deepEqual([first, others.length], ['small', count]);
    queue.close();
  });
});

test('nodes that say nothing, nought, or more than anybody has, keep nobody from the others', async () => {
  const setting = await startScheduling();
  await setting.addNode('mute', {});
  await setting.addNode('nought', { cpu: '0', memory: '0', pods: '0' });
  await setting.addNode('vast', { cpu: '99999999999999999999Ei', memory: '99999999999999999999Ei', pods: '1' });
  await setting.addNode('usual', { cpu: '2', memory: '4Gi', pods: '10' });
  for (const name of ['one', 'two', 'three', 'four']) await setting.create(name);
  await setting.clock.advance(20_000);
  const placed = await Promise.all(['one', 'two', 'three', 'four'].map((name) => setting.nodeOf(name)));
  assert.deepEqual(placed.map(String).sort(), ['undefined', 'usual', 'usual', 'vast']);
  await setting.close();
});

test('a pod that asks for more than can be told waits, and says what for', async () => {
  const setting = await startScheduling();
  await setting.addNode('a');
  await setting.create('greedy', '99999999999999999999Ei');
  await setting.create('modest');
  await setting.clock.advance(5000);
  const why = (await setting.pod('greedy')).status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
  assert.match(why ?? '', /^0\/1 nodes are available: 1 Insufficient cpu\./);
  assert.equal(await setting.nodeOf('modest'), 'a');
  const refused = 'scheduler_unschedulable_pods{plugin="NodeResourcesFit",profile="default-scheduler"}';
  assert.equal(setting.metric(refused), 1);
  await setting.delete('greedy');
  await setting.clock.advance(1000);
  assert.equal(setting.metric(refused), 0);
  await setting.close();
});

test('a server that takes no bindings is asked less and less, and for each pod by itself', async () => {
  const asked = new Map<string, number>();
  let isSick = true;
  const setting = await startScheduling((client) =>
    intercept(client, {
      createSubresource: (real) => async (resource, reference, subresource, body) => {
        asked.set(reference.name, (asked.get(reference.name) ?? 0) + 1);
        if (isSick && reference.name === 'sick') throw unreachable('injected');
        return real.createSubresource(resource, reference, subresource, body);
      },
    }),
  );
  await setting.addNode('a');
  await setting.create('sick');
  await setting.create('healthy');
  await setting.clock.advance(60_000);
  // At 0, 1, 3, 7, 15, 25, 35, 45 and 55 seconds.
  assert.deepEqual([asked.get('sick'), asked.get('healthy')], [9, 1]);
  isSick = false;
  await setting.clock.advance(10_000);
  assert.equal(await setting.nodeOf('sick'), 'a');
  assert.equal(
    setting.metric('scheduler_queue_incoming_pods_total{queue="backoff",event="ScheduleAttemptFailure"}'),
    9,
  );
  assert.equal(setting.metric('scheduler_pod_scheduling_attempts_sum'), 11);
  await setting.close();
});
