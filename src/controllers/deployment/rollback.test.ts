import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments, events, replicaSets } from '../../client/resources.ts';
import { inDefault, makeDeployment, startWorld, type World, withImage } from '../testing.ts';
import { revisionAnnotation, rollbackAnnotation } from './rollout.ts';

const changeCause = 'kubernetes.io/change-cause';

const annotate = (annotations: Readonly<Record<string, string>>) =>
  ({ type: 'merge', body: { metadata: { annotations } } }) as const;

/** Revisions 1 and 2, each with its cause. */
async function withTwoRevisions(): Promise<World> {
  const world = await startWorld();
  const web = makeDeployment('web');
  await world.client.create(deployments, {
    ...web,
    metadata: { ...web.metadata, annotations: { [changeCause]: 'first' } },
  });
  await world.clock.advance(5000);
  await world.client.patch(deployments, inDefault('web'), {
    type: 'strategic',
    body: { metadata: { annotations: { [changeCause]: 'second' } }, ...withImage('image:2').body },
  });
  await world.clock.advance(20_000);
  return world;
}

const causesOf = async (world: World): Promise<string[]> =>
  (await world.list(replicaSets))
    .map(({ metadata }) => `${metadata?.annotations?.[revisionAnnotation]} ${metadata?.annotations?.[changeCause]}`)
    .sort();

test('each revision keeps the cause it was made for', async () => {
  const world = await withTwoRevisions();
  assert.deepEqual(await causesOf(world), ['1 first', '2 second']);
  await world.close();
});

test('a rollback by annotation brings template and cause of the last revision back', async () => {
  const world = await withTwoRevisions();
  await world.client.patch(deployments, inDefault('web'), annotate({ [rollbackAnnotation]: '0' }));
  await world.clock.advance(20_000);
  const web = await world.get(deployments, 'web');
  assert.equal(web?.spec?.template.spec?.containers[0]?.image, 'image:1');
  assert.deepEqual({ ...web?.spec?.template.metadata?.labels }, { app: 'web' });
  assert.equal(web?.metadata?.annotations?.[rollbackAnnotation], undefined);
  assert.deepEqual(await causesOf(world), ['2 second', '3 first']);
  const told = (await world.list(events)).find(({ reason }) => reason === 'DeploymentRollback');
  assert.equal(told?.message, 'Rolled back deployment "web" to revision 1');
  await world.close();
});

test('a rollback to what is not there, or is there already, only takes the request away', async () => {
  const world = await withTwoRevisions();
  for (const [revision, reason] of [
    ['7', 'DeploymentRollbackRevisionNotFound'],
    ['2', 'DeploymentRollbackTemplateUnchanged'],
  ] as const) {
    await world.client.patch(deployments, inDefault('web'), annotate({ [rollbackAnnotation]: revision }));
    await world.clock.advance(5000);
    const web = await world.get(deployments, 'web');
    assert.equal(web?.spec?.template.spec?.containers[0]?.image, 'image:2');
    assert.equal(web?.metadata?.annotations?.[rollbackAnnotation], undefined);
    assert.ok((await world.list(events)).some((event) => event.reason === reason && event.type === 'Warning'));
  }
  await world.close();
});

test('a paused Deployment rolls back when it is resumed', async () => {
  const world = await withTwoRevisions();
  const imageOf = async () => (await world.get(deployments, 'web'))?.spec?.template.spec?.containers[0]?.image;
  const body = { metadata: { annotations: { [rollbackAnnotation]: '1' } }, spec: { paused: true } };
  await world.client.patch(deployments, inDefault('web'), { type: 'merge', body });
  await world.clock.advance(5000);
  assert.equal(await imageOf(), 'image:2');
  await world.client.patch(deployments, inDefault('web'), { type: 'merge', body: { spec: { paused: false } } });
  await world.clock.advance(5000);
  assert.equal(await imageOf(), 'image:1');
  await world.close();
});
