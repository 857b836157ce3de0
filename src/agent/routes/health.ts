/** `/healthz` and its checks by name, as upstream's kubelet has them: whether the agent answers, and whether it still looks after its pods. */
import type { Clock } from '../../lib/clock.ts';
import { relistProblem } from '../node-conditions.ts';
import type { PodWorkers } from '../pod/pod-workers.ts';
import { notServed, type Route, textAnswer } from './route.ts';

interface Check {
  readonly name: string;
  /** What is wrong; undefined: nothing. */
  readonly problem: () => string | undefined;
}

export function healthRoutes({ pods, clock }: { readonly pods: PodWorkers; readonly clock: Clock }): readonly Route[] {
  const checks: readonly Check[] = [
    { name: 'ping', problem: () => undefined },
    { name: 'log', problem: () => undefined },
    { name: 'syncloop', problem: () => relistProblem(pods.relist, clock.monotonic()) },
  ];
  return [
    { path: '/healthz', answer: ({ query }) => Promise.resolve(all(checks, query.has('verbose'))) },
    {
      path: '/healthz/',
      answer: ({ path }) => {
        const check = checks.find(({ name }) => path === `/healthz/${name}`);
        if (check === undefined) throw notServed();
        const problem = check.problem();
        const text = problem === undefined ? 'ok' : `internal server error: ${problem}\n`;
        return Promise.resolve(textAnswer(text, undefined, problem === undefined ? 200 : 500));
      },
    },
  ];
}

function all(checks: readonly Check[], isVerbose: boolean) {
  const problems = checks.map(({ name, problem }) => ({ name, why: problem() }));
  const hasFailed = problems.some(({ why }) => why !== undefined);
  const lines = problems.map(({ name, why }) =>
    why === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${why}\n`,
  );
  if (hasFailed) return textAnswer(`${lines.join('')}healthz check failed\n`, undefined, 500);
  return textAnswer(isVerbose ? `${lines.join('')}healthz check passed\n` : 'ok');
}
