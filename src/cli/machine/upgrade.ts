/**
 * `naru upgrade`: brings the running cluster of this home to the version of this program: the server first, then the nodes one by one. What is done already
 * is left alone, so that a command that stopped, or was broken off, is given again.
 */

import type { Node } from '../../api/schema/types/core-v1.ts';
import { httpsClient } from '../../client/https-client.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { nodes } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { type Clock, RealClock } from '../../lib/clock.ts';
import { harmless } from '../../lib/harmless.ts';
import { versionInfo } from '../../server/version.ts';
import { findRunning, type RunningCluster } from '../background.ts';
import { launcherFile } from '../launcher.ts';
import { readSettings } from '../settings.ts';
import { UserError } from '../user-error.ts';
import { type DrainCommandOptions, drainOptions } from './drain-options.ts';
import {
  type NodePlan,
  type ProgramVersion,
  parseGitVersion,
  planNodes,
  serverProblem,
  skewProblems,
} from './upgrade-plan.ts';

export interface UpgradeOptions extends DrainCommandOptions {
  readonly dryRun?: boolean;
  /** False with `--no-drain`. */
  readonly drain: boolean;
  /** Start the server anew also where it has this version. */
  readonly restart?: boolean;
}

export async function upgrade(home: Home, options: UpgradeOptions): Promise<void> {
  const clock = new RealClock({ keepsAlive: true });
  const how = drainOptions(options);
  const running = findRunning(home);
  if (running === undefined) throw notRunning(home);
  const before = await lookAt(home, clock);
  refuse(before);
  const isNew = options.restart === true || !isThisProgram(running, before.version);
  const target = parseGitVersion(versionInfo.gitVersion)?.naru ?? '';
  console.log(`naru ${before.version.naru} → ${target}${isNew ? '' : ': the server has it already'}`);
  if (options.dryRun) return sayPlan(home, running, before.nodes, isNew, options.drain);
  if (isNew) await upgradeServer(home, running, clock);
  await upgradeNodes(home, clock, options.drain ? how : undefined);
}

const notRunning = (home: Home): UserError =>
  new UserError(
    `no cluster runs from ${home.root}, so there is nothing to take over: naru up starts it with this version. On a machine that has joined, upgrade from the machine of the server`,
  );

interface Cluster {
  readonly version: ProgramVersion;
  readonly nodes: readonly Node[];
}

async function lookAt(home: Home, clock: Clock): Promise<Cluster> {
  return asAdministrator(home, clock, async (client) => {
    const { body } = await client.request({ path: '/version' });
    const { gitVersion } = JSON.parse(body.toString()) as { readonly gitVersion: string };
    const version = parseGitVersion(gitVersion);
    if (version === undefined) throw new UserError(`what runs from ${home.root} is no naru, but ${gitVersion}`);
    return { version, nodes: (await client.list(nodes)).items };
  });
}

async function asAdministrator<T>(
  home: Home,
  clock: Clock,
  act: (client: ReturnType<typeof httpsClient>) => Promise<T>,
): Promise<T> {
  const client = httpsClient({ config: await readKubeconfig(home.kubeconfig), clock, userAgent: 'naru' });
  try {
    return await act(client);
  } finally {
    client.close();
  }
}

/** @throws UserError where versions do not fit each other */
function refuse({ version, nodes: all }: Cluster): void {
  const problem = serverProblem(version, versionInfo);
  if (problem !== undefined) throw new UserError(`the server cannot be upgraded: ${problem}`);
  const skewed = skewProblems(all, versionInfo);
  if (skewed.length === 0) return;
  throw new UserError(
    `${skewed.join(', ')} would be too far from a server of ${versionInfo.major}.${versionInfo.minor} (three minor versions at most); upgrade them first, with the version that the server has now`,
  );
}

const isThisProgram = ({ launcher }: RunningCluster, { naru }: ProgramVersion): boolean =>
  launcher === launcherFile && versionInfo.gitVersion.endsWith(`+naru-${naru}`);

const ownNode = (home: Home, { isServerOnly }: RunningCluster): string | undefined =>
  isServerOnly ? undefined : readSettings(home).nodeName;

function sayPlan(home: Home, running: RunningCluster, all: readonly Node[], isNew: boolean, drain: boolean): void {
  if (isNew) console.log('  1. the server: stopped, its state copied, started with this version; pods run on');
  const plan = planNodes(all, ownNode(home, running), undefined, running.simulatedNodes > 0);
  for (const { name, step, why } of plan) {
    const act = `${drain ? 'drained, ' : ''}given this version, waited for`;
    console.log(
      harmless(step === 'upgrade' ? `  ${isNew ? '2' : '1'}. node ${name}: ${act}` : `  -  node ${name}: ${why}`),
    );
  }
  console.log('Nothing was done (--dry-run).');
}

async function upgradeServer(home: Home, running: RunningCluster, clock: Clock): Promise<void> {
  if (running.isServerOnly) {
    throw new UserError(
      'naru server runs in the foreground, started by something else: end it, start it from this folder, then run naru upgrade for the nodes',
    );
  }
  const { replaceServer } = await import('./upgrade-server.ts');
  const startMs = clock.monotonic();
  const { server } = await replaceServer(home, running, clock);
  const seconds = ((clock.monotonic() - startMs) / 1000).toFixed(1);
  console.log(`  the server runs it, and answers at ${server} again after ${seconds} s`);
}

async function upgradeNodes(
  home: Home,
  clock: Clock,
  drain: ReturnType<typeof drainOptions> | undefined,
): Promise<void> {
  const running = findRunning(home);
  if (running === undefined) throw notRunning(home);
  await asAdministrator(home, clock, async (client) => {
    const { items } = await client.list(nodes);
    const others = planNodes(items, ownNode(home, running), undefined, running.simulatedNodes > 0);
    if (!others.some(({ step }) => step === 'upgrade')) return sayDone(others);
    const { offerProgram, upgradeNode } = await import('./upgrade-nodes.ts');
    const program = await offerProgram(home, client);
    const plan = planNodes(items, ownNode(home, running), program, false);
    const work = { client, clock, say: (line: string) => console.log(harmless(line)) };
    for (const { name, step } of plan) if (step === 'upgrade') await upgradeNode(work, name, { program, drain });
    sayDone(plan);
  });
}

function sayDone(plan: readonly NodePlan[]): void {
  for (const { name, step, why } of plan) if (step === 'skip') console.log(harmless(`  ${name}: ${why}`));
  console.log('The cluster is upgraded.');
}
