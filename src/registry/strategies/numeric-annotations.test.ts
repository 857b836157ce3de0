/** Annotations that were numeric fields once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, rejection, startRegistry } from '../testing.ts';

const templates = 'deprecated.daemonset.template.generation';
const rollback = 'deprecated.deployment.rollback.to';

test('a DaemonSet with an annotation that is no number is none', async () => {
  const cluster = await startRegistry();
  const refusal = async (text: string): Promise<string> => {
    const set = { ...make.daemonSet(), metadata: { name: 'd', annotations: { [templates]: text } } };
    return (await rejection(cluster.create('daemonsets.apps', set), 'BadRequest')).message;
  };
  const why = 'DaemonSet in version "v1" cannot be handled as a DaemonSet: strconv.ParseInt: parsing';
  for (const text of ['', 'x', '1.5', '0x10', '1_000', '--1', ' 1']) {
    assert.equal(await refusal(text), `${why} ${JSON.stringify(text)}: invalid syntax`);
  }
  for (const text of ['9223372036854775808', '-9223372036854775809', '9'.repeat(100)]) {
    assert.equal(await refusal(text), `${why} "${text}": value out of range`);
  }
  for (const text of ['7', '+7', '007', '9223372036854775807', '-9223372036854775808', `${'0'.repeat(40)}1`]) {
    const set = { ...make.daemonSet(), metadata: { name: 'd', annotations: { [templates]: text } } };
    await cluster.create('daemonsets.apps', set, { dryRun: true });
  }
});

test('a Deployment goes back to a revision that is a number, or to none', async () => {
  const cluster = await startRegistry();
  const deployment = (text: string): object => make.deployment({ metadata: { annotations: { [rollback]: text } } });
  const { message } = await rejection(cluster.create('deployments.apps', deployment('last')), 'BadRequest');
  assert.equal(
    message,
    'Deployment in version "v1" cannot be handled as a Deployment: failed to parse annotation[deprecated.deployment.rollback.to]=last as int64: strconv.ParseInt: parsing "last": invalid syntax',
  );
  await cluster.create('deployments.apps', deployment(''), { dryRun: true });
  await cluster.create('deployments.apps', deployment('3'));
  const annotations = { [rollback]: 'x' };
  await rejection(cluster.patch('deployments.apps', 'web', { metadata: { annotations } }), 'BadRequest');
});
