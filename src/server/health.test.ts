import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HealthCheck, healthAnswer, healthPaths } from './health.ts';

let problem: string | undefined;
const store: HealthCheck = { name: 'etcd', check: () => problem };
const shutdown: HealthCheck = { name: 'shutdown', on: ['readyz'], check: () => undefined };
const hook: HealthCheck = { name: 'poststarthook/bootstrap', check: () => undefined };
const checks = [store, hook, shutdown];

function ask(path: string, query = ''): string {
  const answer = healthAnswer(path.slice(1).split('/'), new URLSearchParams(query), checks);
  return answer === undefined ? 'none' : `${answer.status} ${Buffer.concat(answer.body).toString()}`;
}

test('the three answer ok, and their checks with verbose', () => {
  assert.equal(ask('/readyz'), '200 ok');
  assert.equal(
    ask('/readyz', 'verbose'),
    '200 [+]ping ok\n[+]etcd ok\n[+]poststarthook/bootstrap ok\n[+]shutdown ok\nreadyz check passed\n',
  );
  assert.equal(
    ask('/livez', 'verbose'),
    '200 [+]ping ok\n[+]etcd ok\n[+]poststarthook/bootstrap ok\nlivez check passed\n',
  );
});

test('a failed check is named, and why is told only to those who ask for it alone', () => {
  problem = 'the disk is full';
  assert.equal(
    ask('/livez'),
    '500 [+]ping ok\n[-]etcd failed: reason withheld\n[+]poststarthook/bootstrap ok\nlivez check failed\n',
  );
  assert.equal(ask('/livez/etcd'), '500 internal server error: the disk is full\n');
  assert.equal(ask('/livez', 'exclude=etcd'), '200 ok');
  problem = undefined;
});

test('excluding what there is not is warned of', () => {
  assert.equal(
    ask('/healthz', 'verbose&exclude=etcd&exclude=b&exclude=a'),
    '200 [+]ping ok\n[+]etcd excluded: ok\n[+]poststarthook/bootstrap ok\n' +
      'warn: some health checks cannot be excluded: no matches for "a","b"\nhealthz check passed\n',
  );
});

test('single checks have paths, also those with a slash in their names', () => {
  assert.equal(ask('/readyz/poststarthook/bootstrap'), '200 ok');
  assert.equal(ask('/readyz/shutdown'), '200 ok');
  assert.equal(ask('/livez/shutdown'), 'none');
  assert.equal(ask('/readyz/none'), 'none');
  assert.ok(healthPaths(checks).includes('/healthz/poststarthook/bootstrap'));
});
