/** A runtime as one agent process sees it: some calls fail, before or after they were carried out, and none passes once the process has died. */
import { type Runtime, RuntimeError } from '../../agent/runtime.ts';
import type { Prng } from '../../lib/prng.ts';
import type { RuntimeFaults } from './faults.ts';

export interface RuntimeHandle {
  readonly runtime: Runtime;
  /** The agent's process has died. */
  kill(): void;
}

/** Calls whose answers may get lost: the others are questions, or cannot fail. */
const acting: ReadonlySet<string> = new Set([
  'runSandbox',
  'stopSandbox',
  'removeSandbox',
  'createContainer',
  'startContainer',
  'stopContainer',
  'removeContainer',
  'pullImage',
]);

/** `faults` is asked at every call, so that a run can end them. */
export function flakyRuntime(real: Runtime, prng: Prng, faults: () => RuntimeFaults): RuntimeHandle {
  let dead = false;
  const happens = (share: number): boolean => share > 0 && prng.next() < share;
  const carry = async (name: string, act: () => Promise<unknown>): Promise<unknown> => {
    if (dead) throw new RuntimeError('unavailable', 'this agent has died (injected)');
    if (happens(faults().refusedCalls))
      throw new RuntimeError('unavailable', `${name} did not reach the runtime (injected)`);
    const result = await act();
    if (dead || (acting.has(name) && happens(faults().lostAnswers))) {
      throw new RuntimeError('timeout', `the answer to ${name} was lost (injected)`);
    }
    return result;
  };
  const runtime = new Proxy(real, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      if (name === 'watch') return (changed: (uid: string) => void) => target.watch((uid) => dead || changed(uid));
      return (...args: unknown[]) => carry(String(name), async () => method.apply(target, args));
    },
  });
  return {
    runtime,
    kill: () => {
      dead = true;
    },
  };
}
