/** `naru doctor`: this machine, and the cluster where there is one. Exit code 1 where something is a problem. */

import { existsSync } from 'node:fs';
import { hasReason } from '../../api/status-error.ts';
import { type Check, type CheckState, checker } from '../../explain/doctor/check.ts';
import { machineChecks } from '../../explain/doctor/machine-checks.ts';
import { newInquiry } from '../../explain/explain.ts';
import { remedy } from '../../explain/finding.ts';
import { counted } from '../../explain/words.ts';
import type { Home } from '../../home.ts';
import { RealClock } from '../../lib/clock.ts';
import { harmlessData } from '../../lib/harmless.ts';
import { findRunning } from '../background.ts';
import { type Connection, type ConnectionOptions, findConfig, withApi } from '../cluster/connection.ts';
import { ExitError, exitCodes } from '../exit-code.ts';
import { readSettings } from '../settings.ts';
import { bad, dim, good, strong, warning } from '../terminal/terminal.ts';
import { UserError } from '../user-error.ts';
import { viewOf } from './cluster.ts';
import { readMachine } from './machine-facts.ts';

export interface DoctorOptions extends ConnectionOptions {
  readonly machine?: boolean;
  readonly all?: boolean;
  readonly output?: 'json';
}

export async function doctor(home: Home, options: DoctorOptions): Promise<void> {
  const checks = [...(await ofMachine(home)), ...(options.machine === true ? [] : await ofCluster(home, options))];
  const problems = checks.filter(({ state }) => state === 'problem').length;
  if (options.output === 'json') console.log(JSON.stringify({ problems, checks }, undefined, 2));
  else console.log(reportLines(harmlessData(checks), options.all === true).join('\n'));
  if (problems > 0) throw new ExitError(exitCodes.failed);
}

async function ofMachine(home: Home): Promise<readonly Check[]> {
  const running = findRunning(home);
  const { port, simulatedNodes } = readSettings(home);
  return machineChecks(
    await readMachine(home, {
      nowMs: new RealClock({ keepsAlive: true }).now(),
      port: running === undefined ? port : Number(new URL(running.server).port),
      isSimulated: (running?.simulatedNodes ?? simulatedNodes) > 0,
      ...(running !== undefined && {
        running: { pid: running.pid, address: running.server, isSimulated: running.simulatedNodes > 0 },
      }),
    }),
  );
}

const check = checker('cluster');

/** That there is no cluster is no fault: the machine's half is worth having alone. That one is named and does not answer is. */
async function ofCluster(home: Home, options: DoctorOptions): Promise<readonly Check[]> {
  const isNamed = options.kubeconfig !== undefined || options.context !== undefined || findRunning(home) !== undefined;
  try {
    await findConfig(home, options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [check('api', isNamed ? 'problem' : 'hint', `no cluster was looked at: ${error.message}`)];
  }
  try {
    return await withApi(home, options, checkCluster);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const state: CheckState = isNamed || !existsSync(home.kubeconfig) ? 'problem' : 'warning';
    return [check('api', state, error.message, { fix: [remedy('Start it, where it is this machine’s', 'naru up')] })];
  }
}

async function checkCluster(connection: Connection): Promise<readonly Check[]> {
  const { clusterChecks } = await import('../../explain/doctor/cluster-checks.ts');
  const { client, config, clock } = connection;
  const { body, headers } = await client.request({ path: '/version' });
  const { gitVersion = '' } = JSON.parse(body.toString()) as { readonly gitVersion?: string };
  const serverMs = Date.parse(headers.date ?? '');
  const facts = {
    address: config.server,
    version: gitVersion,
    aheadMs: Number.isNaN(serverMs) ? undefined : clock.now() - serverMs,
    notReady: await failingParts(connection),
  };
  return clusterChecks(facts, newInquiry(viewOf(connection).look));
}

/** The lines of `/readyz` that are not ok; whoever may not ask learns nothing of them. */
async function failingParts({ client }: Connection): Promise<readonly string[]> {
  const answer = client.request({ path: '/readyz?verbose', accept: '*/*' });
  const text = await answer.then(
    ({ body }) => body.toString(),
    (error: unknown) => (hasReason(error, 'Forbidden') || !(error instanceof Error) ? '' : error.message),
  );
  return [...text.matchAll(/^\[-\](\S+)/gm)].map(([, name = '']) => name);
}

const marks: Readonly<Record<CheckState, string>> = { ok: 'ok', hint: 'hint', warning: 'warning', problem: 'PROBLEM' };
const tints: Readonly<Record<CheckState, (text: string) => string>> = { ok: good, hint: dim, warning, problem: bad };

function reportLines(checks: readonly Check[], all: boolean): string[] {
  const lines: string[] = [];
  for (const area of ['machine', 'cluster'] as const) {
    const own = checks.filter((one) => one.area === area);
    if (own.length === 0) continue;
    const well = own.filter(({ state }) => state === 'ok');
    lines.push(strong(area === 'machine' ? 'This machine' : 'The cluster'));
    lines.push(...own.filter(({ state }) => all || state !== 'ok').flatMap(checkLines));
    if (!all && well.length > 0) lines.push(`  ${good('ok')}       ${well.map(({ name }) => name).join(', ')}`);
    lines.push('');
  }
  const count = (state: CheckState): number => checks.filter((one) => one.state === state).length;
  return [
    ...lines,
    `${counted(count('problem'), 'problem')}, ${counted(count('warning'), 'warning')}, ${count('ok')} of ${counted(checks.length, 'check')} well.`,
  ];
}

const detailsMax = 10;

function checkLines({ name, state, says, details, fix }: Check): string[] {
  const more = details.length - detailsMax;
  return [
    `  ${tints[state](marks[state].padEnd(8))} ${name}: ${says}`,
    ...details.slice(0, detailsMax).map((line) => dim(`             ${line}`)),
    ...(more > 0 ? [dim(`             and ${more} more`)] : []),
    ...fix.map(({ say, run }) => `           - ${say}${run === undefined ? '' : `: ${strong(run)}`}`),
  ];
}
