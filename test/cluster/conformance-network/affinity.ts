/** Upstream's `service.go`: session affinity, on, off and running out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Service } from '../../../src/api/schema/types/core-v1.ts';
import { eventually, sleep } from '../../harness.ts';
import { type Ask, clusterIp, type GetLab, nodePort } from './lab.ts';

const tries = 15;

export function affinityTests(lab: GetLab, client: () => Pod): void {
  const place = async (service: Service): Promise<Ask> =>
    service.spec?.type === 'NodePort'
      ? { host: await lab().nodeAddress(), port: nodePort(service) }
      : { host: clusterIp(service) };
  const whoAnswers = async (ask: Ask): Promise<number> => {
    const { answers, errors } = await lab().dial(client(), { ...ask, tries });
    assert.deepEqual(errors, []);
    return new Set(answers).size;
  };
  const sticks = (ask: Ask) => eventually('one pod answers', async () => (await whoAnswers(ask)) === 1);
  const spreads = (ask: Ask) => eventually('several pods answer', async () => (await whoAnswers(ask)) > 1);

  for (const type of ['ClusterIP', 'NodePort'] as const) {
    test(`Services: should have session affinity work for service with type ${type}, and be able to switch it`, async () => {
      const name = `affinity-${type.toLowerCase()}`;
      const pods = await lab().servers(name, 3);
      const names = pods.map(({ metadata }) => metadata?.name ?? '');
      const ask = await place(await lab().service(name, { type, sessionAffinity: 'ClientIP' }));
      await sticks(ask);
      await lab().change(name, { sessionAffinity: 'None' });
      await spreads(ask);
      await lab().reaches(client(), ask, names);
      await lab().change(name, { sessionAffinity: 'ClientIP' });
      await sticks(ask);
      const [chosen = ''] = (await lab().dial(client(), ask)).answers;
      await lab().remove(chosen);
      await lab().endpoints(
        name,
        Object.fromEntries(names.filter((one) => one !== chosen).map((one) => [one, [8080]])),
      );
      await eventually('another pod answers', async () => {
        const [answer] = (await lab().dial(client(), ask)).answers;
        return answer !== undefined && answer !== chosen;
      });
      await sticks(ask);
      await lab().remove(...names.filter((one) => one !== chosen));
    });
  }

  test('Services: should have session affinity timeout work for service with type clusterIP', async () => {
    const name = 'affinity-timeout';
    await lab().servers(name, 3);
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 2 } };
    const ask = await place(await lab().service(name, { sessionAffinity: 'ClientIP', sessionAffinityConfig }));
    await sticks(ask);
    const seen = new Set<string>();
    await eventually(
      'another pod answers after a pause',
      async () => {
        await sleep(2500);
        for (const answer of (await lab().dial(client(), ask)).answers) seen.add(answer);
        return seen.size > 1;
      },
      60_000,
    );
    await lab().remove('affinity-timeout-0', 'affinity-timeout-1', 'affinity-timeout-2');
  });
}
