/** How a deployment that goes on is told, line by line and as a block. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Health } from './health.ts';
import { Progress, pendingBlock, summary } from './progress.ts';
import type { State } from './wait.ts';

function state(name: string, health: Health['state'], message: string): State {
  const resource = {
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    resource: 'deployments',
    singular: 'deployment',
    namespaced: true,
  };
  const reference = { namespace: 'default', name };
  const target = {
    resource,
    reference,
    source: { object: {}, from: 'a:1' },
    object: {},
    outcome: 'created',
    taken: [],
  } as const;
  return { target, object: {}, health: { state: health, message } };
}

describe('progress', () => {
  test('a message is one line, and says nothing to the terminal', () => {
    const states = [state('web', 'failing', 'no\n image\u001b[2J')];
    assert.deepEqual(new Progress().changes(states), ['deployment.apps/web: no image^[[2J']);
    assert.deepEqual(pendingBlock(states, 10, 80), ['  deployment.apps/web: no image^[[2J']);
  });

  test('a line a change; what was healthy at once, what was said already and what nobody has looked at is no news', () => {
    const progress = new Progress();
    const web = (health: Health['state'], message: string): string[] =>
      progress.changes([state('web', health, message), state('db', 'healthy', 'it is there')]);
    assert.deepEqual(web('progressing', 'its last change was not seen yet'), []);
    assert.deepEqual(web('progressing', '0 of 1'), ['deployment.apps/web: 0 of 1']);
    assert.deepEqual(web('progressing', '0 of 1'), []);
    assert.deepEqual(web('failing', 'no image'), ['deployment.apps/web: no image']);
    assert.deepEqual(web('progressing', '0 of 1'), []);
    assert.deepEqual(web('healthy', '1 of 1'), ['deployment.apps/web: 1 of 1']);
  });

  test('a block has what is not healthy, cut to the terminal', () => {
    const states = ['a', 'b', 'c', 'd'].map((name) => state(name, 'progressing', 'x'.repeat(60)));
    const block = pendingBlock([...states, state('e', 'healthy', '')], 3, 40);
    assert.deepEqual(
      block.map((line) => line.length <= 40),
      [true, true, true],
    );
    assert.deepEqual(block.at(-1), '  and 2 more');
    assert.equal(summary([...states, state('e', 'healthy', '')]), '1 of 5 healthy');
    assert.deepEqual(pendingBlock([], 3, 40), []);
  });
});
