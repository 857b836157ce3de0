import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Prng, SeededPrng } from '../lib/prng.ts';
import { annotatedStages, drawBehaviour, drawPull, readContainerStages, stagesAnnotation } from './stages.ts';

const app = { name: 'app', image: 'app:1' };
const stages = (...items: object[]) => readContainerStages(items, 'stages');
const prng = (): Prng => new SeededPrng(7);

test('each stage becomes the behaviour that it stands for', () => {
  const cases: readonly (readonly [object, object])[] = [
    [
      { stage: 'start', delay: '2s' },
      { startDelayMs: 2000, startError: '' },
    ],
    [
      { stage: 'start', message: 'no room' },
      { startDelayMs: 0, startError: 'no room' },
    ],
    [{ stage: 'ready', delay: '300ms' }, { healthyAfterMs: 300 }],
    [
      { stage: 'slow', delay: '1m', for: '10s' },
      { unhealthyAfterMs: 60_000, unhealthyForMs: 10_000 },
    ],
    [{ stage: 'slow', delay: '1m' }, { unhealthyAfterMs: 60_000 }],
    [
      { stage: 'crash', delay: '1s' },
      { exitAfterMs: 1000, exitCode: 1 },
    ],
    [
      { stage: 'crash', exitCode: 3 },
      { exitAfterMs: 0, exitCode: 3 },
    ],
    [
      { stage: 'complete', delay: '1h30m' },
      { exitAfterMs: 5_400_000, exitCode: 0 },
    ],
    [{ stage: 'stop', delay: '5s' }, { stopMs: 5000 }],
    [
      { stage: 'evict', delay: '5s', message: 'full' },
      { evictAfterMs: 5000, evictMessage: 'full' },
    ],
    [{ stage: 'pull', delay: '5s' }, {}],
  ];
  for (const [stage, behaviour] of cases) assert.deepEqual(drawBehaviour(stages(stage), app, prng()), behaviour);
});

test('a stage is for the image and container that it names; init containers take only what names them', () => {
  const [forImage, forContainer, forAll] = [
    stages({ stage: 'crash', image: 'app:1' }),
    stages({ stage: 'crash', container: 'setup' }),
    stages({ stage: 'crash' }),
  ];
  const crashes = (list: typeof forAll, container: { name: string; image: string; isInit?: boolean }): boolean =>
    drawBehaviour(list, container, prng()).exitCode === 1;
  const init = { name: 'setup', image: 'setup:1', isInit: true };
  assert.deepEqual(
    [forImage, forContainer, forAll].map((list) => crashes(list, app)),
    [true, false, true],
  );
  assert.deepEqual(
    [forImage, forContainer, forAll].map((list) => crashes(list, init)),
    [false, true, false],
  );
});

test('delays are spread over their span and chances hold, the same for the same seed', () => {
  const list = stages({ stage: 'start', delay: '1s..3s', chance: 0.25 });
  const run = (): number[] => {
    const chance = prng();
    return Array.from({ length: 2000 }, () => drawBehaviour(list, app, chance).startDelayMs ?? -1);
  };
  const drawn = run();
  const come = drawn.filter((ms) => ms >= 0);
  assert.ok(come.length > 400 && come.length < 600, `${come.length} of 2000 at a chance of 0.25`);
  assert.ok(come.every((ms) => ms >= 1000 && ms <= 3000));
  assert.ok(Math.min(...come) < 1100 && Math.max(...come) > 2900);
  assert.deepEqual(run(), drawn);
});

test('without chances and spans nothing is drawn, so that a seed runs as it did before', () => {
  const never: Prng = { next: () => assert.fail('drawn') };
  assert.deepEqual(drawBehaviour(stages({ stage: 'stop', delay: '1s' }), app, never), { stopMs: 1000 });
  assert.deepEqual(drawBehaviour([], app, never), {});
});

test('an image with a stage pull is not there, and its pulls take their time or fail', () => {
  const list = stages(
    { stage: 'pull', image: 'app:1', delay: '2s' },
    { stage: 'pull', image: 'bad', message: 'no such' },
  );
  assert.deepEqual(drawPull(list, 'app:1', prng()), { absent: true, pullMs: 2000, pullError: '' });
  assert.deepEqual(drawPull(list, 'bad', prng()), { absent: true, pullMs: 0, pullError: 'no such' });
  assert.deepEqual(drawPull(list, 'other', prng()), {});
});

test('a pod carries stages of its own; what cannot be read counts as none', () => {
  const of = (text: string) => annotatedStages({ [stagesAnnotation]: text });
  assert.deepEqual(drawBehaviour(of('[{"stage": "stop", "delay": "1s"}]'), app, prng()), { stopMs: 1000 });
  assert.deepEqual(drawBehaviour(of('- stage: stop\n  delay: 1s\n'), app, prng()), { stopMs: 1000 });
  assert.deepEqual(of('[{"stage": "explode"}]'), []);
  assert.deepEqual(of('{{{'), []);
  assert.deepEqual(annotatedStages({}), []);
});

test('what is wrong with a stage is said with its place', () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ stage: 'boom' }, /^stages\[0\]\.stage: must be one of pull, start, /],
    [{ stage: 'stop', dely: '1s' }, /^stages\[0\]\.dely: unknown field; there are stage, delay, /],
    [
      { stage: 'stop', delay: 5 },
      /^stages\[0\]\.delay: must be a time such as 500ms, or a span such as 1s\.\.5s, not 5$/,
    ],
    [{ stage: 'stop', delay: '5s..1s' }, /^stages\[0\]\.delay: must be a time/],
    [{ stage: 'stop', delay: '1s..2s..3s' }, /^stages\[0\]\.delay: must be a time/],
    [{ stage: 'stop', delay: '-1s' }, /^stages\[0\]\.delay: must be a time/],
    [{ stage: 'stop', chance: 2 }, /^stages\[0\]\.chance: must be a number from 0 to 1$/],
    [{ stage: 'crash', exitCode: 0 }, /^stages\[0\]\.exitCode: must be a whole number from 1 to 255$/],
    [{ stage: 'stop', exitCode: 1 }, /^stages\[0\]\.exitCode: only a stage crash has one, not stop$/],
    [{ stage: 'stop', for: '1s' }, /^stages\[0\]\.for: only a stage slow has one/],
    [{ stage: 'pull', container: 'app' }, /^stages\[0\]\.container: a pull is for all containers/],
  ];
  for (const [stage, message] of cases) assert.throws(() => stages(stage), { message });
});
