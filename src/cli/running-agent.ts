/**
 * Which process is the agent of a home: `naru agent`, or the process of `naru up`. A home has one containerd, and so one agent: two
 * would undo each other's work.
 */
import type { Home } from '../home.ts';
import { findRunning } from './background.ts';
import { readProcessFile } from './process-file.ts';
import { UserError } from './user-error.ts';

/** The id of the process that runs this home's containers now. */
export function findAgent(home: Home): number | undefined {
  const alone = readProcessFile(home.agentProcessFile);
  if (alone !== undefined) return alone.pid;
  const cluster = findRunning(home);
  const hasContainers = cluster !== undefined && !cluster.isServerOnly && cluster.simulatedNodes === 0;
  return hasContainers ? cluster.pid : undefined;
}

/** @throws UserError where one runs */
export function refuseSecondAgent(home: Home): void {
  const pid = findAgent(home);
  if (pid === undefined) return;
  throw new UserError(
    `the agent in ${home.root} already runs, as process ${pid}; stop it with naru down, or name another home with NARU_HOME=FOLDER`,
  );
}
