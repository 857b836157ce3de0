/**
 * The first half of `naru up`: from whatever state the machine is in to a cluster that answers. Idempotent; what is kept running by an earlier
 * one (containers) is taken over, not restarted. What changes the machine is asked for first, where somebody can be asked.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { type Home, makeHome } from '../../home.ts';
import type { Clock } from '../../lib/clock.ts';
import { authorityEnd } from '../../server/certificates/authority-end.ts';
import { findRunning, type RunningCluster } from '../background.ts';
import { checkNodeName } from '../machine/join-checks.ts';
import { changesListening, checkHost, listenElsewhere, startServer } from '../machine/listening.ts';
import { isService, wantsService } from '../machine/service.ts';
import { readSettings, type SettingsOptions, updateSettings } from '../settings.ts';
import { installSystemPackages, missingPackages } from '../system-packages.ts';
import { canAsk, confirm } from '../terminal/terminal.ts';
import { UserError } from '../user-error.ts';
import { refuseChanges } from './refuse-changes.ts';
import type { Steps } from './steps.ts';

export interface StartOptions extends SettingsOptions {
  readonly wait?: boolean;
  /** Start with the machine, by systemd. */
  readonly service?: boolean;
  /** Nobody is asked. */
  readonly yes?: boolean;
}

export interface Started {
  readonly running: RunningCluster;
  /** It ran already, and nothing was changed. */
  readonly isAsBefore: boolean;
}

export async function startCluster(home: Home, options: StartOptions, clock: Clock, steps: Steps): Promise<Started> {
  const running = findRunning(home);
  if (running !== undefined) return whileRunning(home, running, options, clock);
  const startMs = clock.monotonic();
  refuseJoined(home);
  if (options.host !== undefined) checkHost(options.host);
  if (options.nodeName !== undefined) checkNodeName(options.nodeName);
  prepareHome(home);
  const settings = await updateSettings(home, options);
  if (settings.simulatedNodes === 0) {
    refuseWithoutContainers();
    await provideSystemPackages(options, steps);
  }
  const asService = await wantsService(home, options);
  const started = await steps.run('starting the cluster', () => startServer(home, asService, clock));
  const seconds = ((clock.monotonic() - startMs) / 1000).toFixed(1);
  console.log(`The cluster answers at ${started.server} after ${seconds} s.`);
  if (settings.simulatedNodes > 0) {
    console.log(
      `Its ${settings.simulatedNodes} nodes are simulated: pods get states and addresses, but no program runs.`,
    );
  }
  const warning = authorityEnd(readFileSync(path.join(home.certificates, 'ca.crt'), 'utf8'), clock.now());
  if (warning !== undefined) console.log(`Warning: ${warning}.`);
  return { running: started, isAsBefore: false };
}

async function whileRunning(
  home: Home,
  running: RunningCluster,
  options: StartOptions,
  clock: Clock,
): Promise<Started> {
  const settings = readSettings(home);
  await refuseChanges(running, options, settings);
  if (options.service === true && !isService(home)) {
    throw new UserError(
      'the cluster already runs, and not by systemd; to change that: naru down, then naru up --service',
    );
  }
  if (!changesListening(options, settings)) {
    console.log(`The cluster in ${home.root} is already running at ${running.server}.`);
    return { running, isAsBefore: true };
  }
  const moved = await listenElsewhere(home, running, options, clock);
  console.log(`The cluster answers at ${moved.server} from now on; its pods have run on.`);
  return { running: moved, isAsBefore: false };
}

/** @throws UserError where somebody says no */
async function provideSystemPackages({ yes = false }: StartOptions, steps: Steps): Promise<void> {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (!yes && canAsk()) {
    console.log(`To run containers, these Debian packages are missing on this machine: ${missing.join(', ')}.`);
    console.log('Their own services will not be started; naru starts what it needs itself.');
    await confirm(
      'Install them with apt-get?',
      'nothing was installed; naru up --simulated-nodes 3 works without containers',
    );
  }
  await steps.run(`installing ${missing.join(', ')}`, () => installSystemPackages(() => {}));
}

/** A machine that is a node of another cluster has credentials there, and no state of its own. */
function refuseJoined(home: Home): void {
  if (!existsSync(home.agentKubeconfig) || existsSync(home.state)) return;
  throw new UserError(
    `this machine is a node of another machine's cluster, which naru join starts again; to have a cluster of its own here, leave that first (naru down --all), or use another folder: NARU_HOME=FOLDER naru up`,
  );
}

function prepareHome(home: Home): void {
  try {
    makeHome(home);
  } catch (error) {
    throw new UserError(
      `the state folder ${home.root} cannot be made (${(error as NodeJS.ErrnoException).code}); name another with NARU_HOME=FOLDER`,
    );
  }
}

function refuseWithoutContainers(): void {
  const wayOut = 'or try it without containers: naru up --simulated-nodes 3';
  if (process.platform !== 'linux') {
    throw new UserError(`containers need Linux, and this is ${process.platform}; run naru there, ${wayOut}`);
  }
  if (process.getuid?.() !== 0) throw new UserError(`containers need root; run the command with sudo, ${wayOut}`);
}
