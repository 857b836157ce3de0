/**
 * Where a running cluster is reached, changed while it runs: `naru up --host ADDRESS` and `--tls-san NAMES`. The server's process is started anew with the new
 * settings; containers run on meanwhile. Where it does not start with them, it is started again as it was.
 */
import { isIP } from 'node:net';
import os from 'node:os';
import type { Home } from '../../home.ts';
import type { Clock } from '../../lib/clock.ts';
import { findRunning, type RunningCluster, startInBackground, stopRunning } from '../background.ts';
import { readSettings, type Settings, type SettingsOptions, updateSettings } from '../settings.ts';
import { servingNamesOf } from '../tls.ts';
import { UserError } from '../user-error.ts';
import { installService, isService, restartService } from './service.ts';

export type ListeningOptions = Pick<SettingsOptions, 'host' | 'tlsSan'>;

/** Whether the options ask for something else than what is set. */
export function changesListening({ host, tlsSan }: ListeningOptions, settings: Settings): boolean {
  const names = tlsSan === undefined ? undefined : servingNamesOf(tlsSan);
  return (
    (host !== undefined && host !== settings.host) ||
    (names !== undefined && names.join() !== (settings.tlsSans ?? []).join())
  );
}

/** @throws UserError where nothing can listen there */
export function checkHost(host: string, interfaces = os.networkInterfaces()): void {
  if (host === 'localhost') return;
  if (isIP(host) === 0) {
    throw new UserError(
      `--host takes an address of this machine, or 0.0.0.0 for all of them, and got ${host.slice(0, 80)}`,
    );
  }
  if (host === '0.0.0.0' || host === '::') return;
  const own = Object.values(interfaces).flatMap((list) => list ?? []);
  if (host.startsWith('127.') || own.some(({ address }) => address === host)) return;
  const others = own.filter(({ internal }) => !internal).map(({ address }) => address);
  throw new UserError(`--host ${host}: this machine has no such address; it has ${others.join(', ') || 'none'}`);
}

/** @throws UserError where it cannot listen there; then it runs as before */
export async function listenElsewhere(
  home: Home,
  running: RunningCluster,
  options: ListeningOptions,
  clock: Clock,
): Promise<RunningCluster> {
  if (running.isServerOnly) {
    throw new UserError('naru server runs in the foreground: end it, and start it again with the new options');
  }
  if (options.host !== undefined) checkHost(options.host);
  const { host, tlsSans = [], port } = readSettings(home);
  // Clients keep the port that they know, also where it was a free one.
  const kept = port === 0 ? { port: Number(new URL(running.server).port) } : {};
  await updateSettings(home, { ...options, ...kept });
  try {
    return await restartServer(home, clock);
  } catch (error) {
    await updateSettings(home, { host, tlsSan: tlsSans.join() });
    await restartServer(home, clock);
    throw new UserError(
      `the cluster could not listen as asked (${(error as Error).message}); it runs again as before, at ${running.server}`,
    );
  }
}

/** Stops and starts the process of `naru up`, with what the settings say now. Containers run on. */
export async function restartServer(home: Home, clock: Clock): Promise<RunningCluster> {
  if (!isService(home)) {
    await stopRunning(home, clock);
    return startInBackground(home, ['run']);
  }
  const before = findRunning(home);
  await restartService(home);
  return serviceRuns(home, before, clock);
}

/** Starts it where it does not run: as a service, or in the background. @throws UserError */
export async function startServer(home: Home, asService: boolean, clock: Clock): Promise<RunningCluster> {
  if (!asService) {
    try {
      return await startInBackground(home, ['run']);
    } catch (error) {
      const begun = await begunBefore(home, clock);
      if (begun === undefined) throw error;
      return begun;
    }
  }
  await installService(home, 'run');
  return serviceRuns(home, undefined, clock);
}

const begunMsMax = 15_000;

/** What a `naru up` that was interrupted (or that runs beside this one) began comes up by itself: it has the state file, but answers not yet. */
async function begunBefore(home: Home, clock: Clock): Promise<RunningCluster | undefined> {
  const { isInUse } = await import('../../store/sqlite/snapshot.ts');
  const deadline = clock.monotonic() + begunMsMax;
  for (;;) {
    const running = findRunning(home);
    if (running !== undefined) return running;
    if (clock.monotonic() > deadline || !isInUse(home.state)) return undefined;
    await clock.sleep(100);
  }
}

const serviceMsMax = 60_000;

/** Resolves when the service's new process answers. @throws UserError */
async function serviceRuns(home: Home, before: RunningCluster | undefined, clock: Clock): Promise<RunningCluster> {
  const deadline = clock.monotonic() + serviceMsMax;
  for (;;) {
    const now = findRunning(home);
    if (now !== undefined && now.pid !== before?.pid) return now;
    if (clock.monotonic() > deadline) {
      throw new UserError('the service does not come up within a minute; journalctl -u naru says why');
    }
    await clock.sleep(50);
  }
}
