/** `/pods`: the pods of this node as it sees them, which the API may not know yet; `/runningpods/`: what the runtime runs, whoever wants it. */
import type { PodWorkers } from '../pod/pod-workers.ts';
import type { Runtime } from '../runtime.ts';
import { jsonAnswer, type Route } from './route.ts';

const podList = (items: readonly object[]) => ({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items });

export function podRoutes({
  pods,
  runtime,
}: {
  readonly pods: Pick<PodWorkers, 'all'>;
  readonly runtime: Runtime;
}): readonly Route[] {
  return [
    {
      path: '/pods',
      answer: () => {
        const items = pods
          .all()
          .flatMap(({ lastPod, status }) => (lastPod === undefined ? [] : [{ ...lastPod, status }]));
        return Promise.resolve(jsonAnswer(podList(items)));
      },
    },
    { path: '/runningpods', answer: async () => jsonAnswer(podList(await runningPods(runtime))) },
  ];
}

async function runningPods(runtime: Runtime): Promise<readonly object[]> {
  const { containers } = await runtime.state();
  const running = containers.filter(({ state }) => state === 'running');
  return [...Map.groupBy(running, ({ pod }) => pod.uid).values()].map((ofPod) => {
    const { namespace, name, uid } = ofPod[0]?.pod ?? { namespace: '', name: '', uid: '' };
    const listed = ofPod.map((each) => ({ name: each.name, image: each.image, resources: {} }));
    return { metadata: { name, namespace, uid, creationTimestamp: null }, spec: { containers: listed }, status: {} };
  });
}
