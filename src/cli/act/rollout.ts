/** `naru rollout …`: how a change of a Deployment, StatefulSet or DaemonSet comes along, and what can be done about it. */
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../api/object.ts';
import { stringifyYaml } from '../../api/yaml.ts';
import { healthOf } from '../../deploy/health.ts';
import type { Home } from '../../home.ts';
import { formatTime } from '../../lib/clock.ts';
import { harmless, harmlessLine } from '../../lib/harmless.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { findTargets, forEach, type Target, type TargetOptions, targetName } from '../cluster/targets.ts';
import { UserError } from '../user-error.ts';
import { type Revision, revisionsOf, revisionToRestore } from './revisions.ts';

export interface RolloutOptions extends ConnectionOptions, TargetOptions {
  /** `status`: return at once where it is under way. */
  readonly watch?: boolean;
  /** `status`, in milliseconds. */
  readonly timeout?: number;
  /** `status`, `history`. */
  readonly revision?: number;
  /** `undo`. */
  readonly toRevision?: number;
}

type Workload = KubeObject & {
  readonly spec?: {
    readonly paused?: boolean;
    readonly template?: object;
    readonly updateStrategy?: { readonly type?: string };
  };
};

type Act = (connection: Connection, target: Target, workload: Workload, options: RolloutOptions) => Promise<void>;

const kinds: readonly string[] = ['Deployment', 'StatefulSet', 'DaemonSet'];

async function rollout(home: Home, words: readonly string[], options: RolloutOptions, act: Act): Promise<void> {
  await withApi(home, options, async (connection) => {
    const targets = await findTargets(connection, new ResourceFinder(connection.client), words, options);
    await forEach(targets, async (target) => {
      if (target.resource.group !== 'apps' || !kinds.includes(target.resource.kind)) {
        throw new UserError(`${targetName(target)} has no rollouts: Deployments, StatefulSets and DaemonSets have`);
      }
      await act(connection, target, await connection.client.get<Workload>(target.resource, target), options);
    });
  });
}

const say = (target: Target, what: string): void => void process.stdout.write(`${targetName(target)} ${what}\n`);

export const rolloutStatus = (home: Home, words: readonly string[], options: RolloutOptions): Promise<void> =>
  rollout(home, words, options, waitForRollout);
export const rolloutHistory = (home: Home, words: readonly string[], options: RolloutOptions): Promise<void> =>
  rollout(home, words, options, printHistory);
export const rolloutUndo = (home: Home, words: readonly string[], options: RolloutOptions): Promise<void> =>
  rollout(home, words, options, undo);
export const rolloutRestart = (home: Home, words: readonly string[], options: RolloutOptions): Promise<void> =>
  rollout(home, words, options, restart);
export const rolloutPause = (home: Home, words: readonly string[], options: RolloutOptions): Promise<void> =>
  rollout(home, words, options, (connection, target, workload) => setPaused(connection, target, workload, true));
export const rolloutResume = (home: Home, words: readonly string[], options: RolloutOptions): Promise<void> =>
  rollout(home, words, options, (connection, target, workload) => setPaused(connection, target, workload, false));

const lookEveryMs = 250;

/** Says each change, until the change is everywhere. @throws UserError where it will not be by itself, or not in time */
async function waitForRollout(
  { client, clock }: Connection,
  target: Target,
  first: Workload,
  options: RolloutOptions,
): Promise<void> {
  const startMs = clock.monotonic();
  let said = '';
  for (let workload = first; ; workload = await client.get<Workload>(target.resource, target)) {
    checkRevision(target, workload, options);
    if (workload.spec?.updateStrategy?.type === 'OnDelete') {
      throw new UserError(
        `${targetName(target)} changes a pod when somebody deletes it (OnDelete): there is no rollout to wait for`,
      );
    }
    const { state, message } = healthOf(workload);
    if (state === 'healthy') return say(target, 'successfully rolled out');
    if (state === 'failing')
      throw new UserError(`${targetName(target)}: ${message}; naru why ${targetName(target)} says more`);
    if (message !== said) process.stdout.write(harmless(`Waiting for ${targetName(target)}: ${message}\n`));
    said = message;
    if (options.watch === false) return;
    const { timeout = 0 } = options;
    if (timeout > 0 && clock.monotonic() - startMs > timeout) {
      throw new UserError(
        `${targetName(target)} is not rolled out within ${timeout / 1000} s: ${message}; it goes on in the cluster`,
      );
    }
    await clock.sleep(lookEveryMs);
  }
}

function checkRevision(target: Target, { metadata }: Workload, { revision = 0 }: RolloutOptions): void {
  const now = metadata?.annotations?.['deployment.kubernetes.io/revision'];
  if (revision > 0 && now !== undefined && now !== String(revision)) {
    throw new UserError(
      `the wanted revision (${revision}) of ${targetName(target)} is not the one that is rolled out now (${now})`,
    );
  }
}

async function printHistory(
  connection: Connection,
  target: Target,
  workload: Workload,
  options: RolloutOptions,
): Promise<void> {
  const revisions = await revisionsOf(connection, workload);
  const { revision = 0 } = options;
  if (revision > 0) {
    const found = revisions.find(({ number }) => number === revision);
    if (found === undefined) throw noRevision(target, revision, revisions);
    process.stdout.write(`${targetName(target)} with revision #${revision}\n${stringifyYaml(found.template)}`);
    return;
  }
  const lines = revisions.map(({ number, cause }) => `${String(number).padEnd(9)} ${harmlessLine(cause ?? '<none>')}`);
  process.stdout.write(`${[targetName(target), 'REVISION  CHANGE-CAUSE', ...lines].join('\n')}\n\n`);
}

function noRevision(target: Target, wanted: number, revisions: readonly Revision[]): UserError {
  const has = revisions.map(({ number }) => number).join(', ');
  const which = wanted === 0 ? 'no earlier revision' : `no revision ${wanted}`;
  return new UserError(`${targetName(target)} has ${which}; it has ${has || 'none'}`);
}

async function undo(
  connection: Connection,
  target: Target,
  workload: Workload,
  { toRevision = 0 }: RolloutOptions,
): Promise<void> {
  if (workload.spec?.paused === true) throw isPaused(target);
  const revisions = await revisionsOf(connection, workload);
  const wanted = revisionToRestore(revisions, toRevision);
  if (wanted === undefined) throw noRevision(target, toRevision, revisions);
  if (isDeepStrictEqual(plain(wanted.template), plain(workload.spec?.template))) {
    return say(target, `skipped rollback (current template already matches revision ${wanted.number})`);
  }
  await connection.client.patch(target.resource, target, {
    type: 'json',
    body: [{ op: 'replace', path: '/spec/template', value: wanted.template }],
  });
  say(target, 'rolled back');
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

const restartedAnnotation = 'kubectl.kubernetes.io/restartedAt';

async function restart({ client, clock }: Connection, target: Target, workload: Workload): Promise<void> {
  if (workload.spec?.paused === true) throw isPaused(target);
  const annotations = { [restartedAnnotation]: formatTime(clock.now()) };
  const body = { spec: { template: { metadata: { annotations } } } };
  await client.patch(target.resource, target, { type: 'strategic', body });
  say(target, 'restarted');
}

const isPaused = (target: Target): UserError =>
  new UserError(`${targetName(target)} is paused; first: naru rollout resume ${targetName(target)}`);

async function setPaused({ client }: Connection, target: Target, workload: Workload, paused: boolean): Promise<void> {
  if (target.resource.kind !== 'Deployment')
    throw new UserError(`${targetName(target)}: only Deployments can be paused`);
  if ((workload.spec?.paused === true) === paused) {
    throw new UserError(`${targetName(target)} is ${paused ? 'already paused' : 'not paused'}`);
  }
  await client.patch(target.resource, target, { type: 'merge', body: { spec: { paused: paused ? true : null } } });
  say(target, paused ? 'paused' : 'resumed');
}
