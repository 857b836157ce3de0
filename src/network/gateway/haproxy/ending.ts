/** The end of HAProxy: first when its connections are over, then at once, then whether it will or not. */
import type { Clock } from '../../../lib/clock.ts';
import { isRunning, type ProcessIdentity } from '../../../lib/process-identity.ts';
import { tellMaster } from './program.ts';

const steps = [
  { signal: 'SIGUSR1', waitMs: 5000 },
  { signal: 'SIGTERM', waitMs: 5000 },
] as const;

/** Resolves when it has ended, after ten seconds at most. */
export async function endHaproxy(process: ProcessIdentity, clock: Clock): Promise<void> {
  for (const { signal, waitMs } of steps) {
    tellMaster(process, signal);
    const endMs = clock.monotonic() + waitMs;
    while (isRunning(process) && clock.monotonic() < endMs) await clock.sleep(20);
  }
  tellMaster(process, 'SIGKILL');
}
