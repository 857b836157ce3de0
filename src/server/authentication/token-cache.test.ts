import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { type Authentication, absent, refused } from './authentication.ts';
import { TokenCache } from './token-cache.ts';

function world(goodMs = 1000, absentMs = 500) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  let answer: Authentication | Promise<Authentication> = absent;
  const member = {
    authenticateToken(token: string, audiences: readonly string[]) {
      asked.push(`${token} ${audiences.join(',')}`);
      return answer;
    },
  };
  const cache = new TokenCache({ member, clock, goodMs, absentMs });
  return { clock, asked, cache, says: (next: typeof answer) => void (answer = next) };
}

const ann: Authentication = { kind: 'user', user: { name: 'ann', groups: [] } };

test('an answer is remembered for its time, good and bad', async () => {
  const { clock, asked, cache, says } = world();
  says(ann);
  for (let round = 0; round < 3; round++) assert.deepEqual(await cache.authenticateToken('t', ['a']), ann);
  says(absent);
  await clock.advance(999);
  assert.deepEqual(await cache.authenticateToken('t', ['a']), ann);
  await clock.advance(1);
  for (let round = 0; round < 3; round++) assert.deepEqual(await cache.authenticateToken('t', ['a']), absent);
  assert.equal(asked.length, 2);
  says(ann);
  await clock.advance(500);
  assert.deepEqual(await cache.authenticateToken('t', ['a']), ann);
});

test('errors are not remembered', async () => {
  const { asked, cache, says } = world();
  says(refused('down'));
  await cache.authenticateToken('t', ['a']);
  await cache.authenticateToken('t', ['a']);
  assert.equal(asked.length, 2);
});

test('who asks meanwhile gets the same answer, also where it is a failure', async () => {
  const { asked, cache, says } = world();
  let give: (outcome: Authentication) => void = () => {};
  says(
    new Promise((resolve) => {
      give = resolve;
    }),
  );
  const both = [1, 2].map(async () => cache.authenticateToken('t', ['a']));
  give(ann);
  assert.deepEqual(await Promise.all(both), [ann, ann]);
  assert.equal(asked.length, 1);
});

test('another token, or another audience, is another question', async () => {
  const { asked, cache } = world();
  for (const [token, audiences] of [
    ['t', ['a', 'b']],
    ['t', ['ab']],
    ['ta', ['b']],
    ['t', ['a']],
  ] as const) {
    await cache.authenticateToken(token, audiences);
  }
  assert.deepEqual(asked, ['t a,b', 't ab', 'ta b', 't a']);
});

test('of tokens that nobody has answered for yet there are only so many at a time', async () => {
  const { asked, cache, says } = world();
  says(new Promise(() => {}));
  for (let index = 0; index < limits.tokenQuestionsMax; index++) void cache.authenticateToken(`t${index}`, ['a']);
  const outcome = await cache.authenticateToken('one more', ['a']);
  assert.deepEqual(outcome, refused('too many tokens are being asked about'));
  assert.equal(asked.length, limits.tokenQuestionsMax);
});
