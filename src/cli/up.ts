/**
 * `naru up [PATH]`: a cluster on this machine, and an application in it. Idempotent: where the cluster runs already and the application is as its
 * files say, it says so. The two halves are `up/start-cluster.ts` and `up/application.ts`.
 */
import process from 'node:process';
import type { Home } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import { findRunning } from './background.ts';
import { UsageError } from './exit-code.ts';
import { parseDuration } from './machine/duration-option.ts';
import { readSettings } from './settings.ts';
import { sayAfter, sayNext } from './up/next-steps.ts';
import { type StartOptions, startCluster } from './up/start-cluster.ts';
import { Steps } from './up/steps.ts';

export interface UpOptions extends StartOptions {
  readonly namespace?: string;
  readonly prune?: boolean;
  readonly takeOver?: boolean;
  readonly dryRun?: boolean;
  readonly timeout?: string;
  readonly profile?: readonly string[];
  readonly envFile?: readonly string[];
}

export async function up(home: Home, given: string | undefined, options: UpOptions): Promise<void> {
  const timeoutMs = parseDuration('--timeout', options.timeout ?? '5m');
  if (given === undefined) refuseWithoutPath(options);
  const clock = new RealClock({ keepsAlive: true });
  // What cannot be read is told before anything is installed or started.
  const application = given === undefined ? undefined : await read(given, options);
  if (options.dryRun === true && findRunning(home) === undefined) {
    console.log(
      `No cluster runs from ${home.root}: it would be started, with ${application?.objects.length ?? 0} objects.`,
    );
    return;
  }
  const { isAsBefore } = await started(home, options, clock);
  const simulatedNodes = findRunning(home)?.simulatedNodes ?? readSettings(home).simulatedNodes;
  if ((options.wait === true && !isAsBefore) || application !== undefined) {
    // Loaded only here: the client is most of what this command would load.
    const { waitForNodes } = await import('./nodes.ts');
    await waitForNodes(home, clock, Math.max(1, simulatedNodes));
  }
  if (application === undefined) {
    sayNext(home);
    return;
  }
  const { applyApplication, homeOf } = await import('./up/application.ts');
  await applyApplication(home, application, { ...options, timeoutMs, isSimulated: simulatedNodes > 0 });
  if (options.dryRun !== true) sayAfter(homeOf(application, options));
}

async function started(home: Home, options: UpOptions, clock: RealClock): ReturnType<typeof startCluster> {
  const interrupted = (): void => {
    console.error(
      `\nStopped waiting. A cluster that was being started goes on in the background; its log is ${home.log}`,
    );
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  try {
    return await startCluster(home, options, clock, new Steps(clock));
  } finally {
    process.off('SIGINT', interrupted);
  }
}

async function read(given: string, options: UpOptions) {
  const [{ readApplication }, { standardInput }] = await Promise.all([
    import('../deploy/source.ts'),
    import('./deploy/read-files.ts'),
  ]);
  return readApplication(given, {
    cwd: process.cwd(),
    environment: process.env,
    standardInput,
    ...(options.profile !== undefined && { profiles: options.profile }),
    ...(options.envFile !== undefined && { envFiles: options.envFile }),
  });
}

/** These are for an application, and would look as if they worked. */
function refuseWithoutPath(options: UpOptions): void {
  const meant = ['namespace', 'prune', 'takeOver', 'dryRun', 'timeout', 'profile', 'envFile'] as const;
  const alone = meant.find((name) => options[name] !== undefined);
  if (alone === undefined) return;
  const option = alone.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(`--${option} is for an application; name its folder or file: naru up PATH --${option}`);
}
