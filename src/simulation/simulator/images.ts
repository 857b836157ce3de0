/** The images that the workload's pods run, and how containers of them behave. */
import type { BehaviourCatalogue, ContainerBehaviour, ImageBehaviour } from '../container-behaviour.ts';

/** Good ones: they start, become ready and run until they are told to end. */
export const goodImages = ['app:1', 'app:2', 'app:3', 'slow:1', 'slow:2', 'stubborn:1'] as const;

/** Rollouts to these get stuck. */
export const badImages = ['crash:1', 'missing:1', 'broken:1'] as const;

export const jobImages = ['job:1', 'failing-job:1'] as const;

/** Of the failing job. */
export const failureExitCode = 3;

const app: Partial<ContainerBehaviour> = { startDelayMs: 150, stopMs: 300 };
const slow: Partial<ContainerBehaviour> = { startDelayMs: 4000, stopMs: 7000, healthyAfterMs: 9000 };

const containers: readonly (readonly [string, Partial<ContainerBehaviour>])[] = [
  ['app:1', app],
  ['app:2', app],
  ['app:3', app],
  ['slow:1', slow],
  ['slow:2', slow],
  // Does not end within any grace that the workload gives.
  ['stubborn:1', { startDelayMs: 100, stopMs: 120_000 }],
  ['crash:1', { startDelayMs: 100, exitAfterMs: 3000, exitCode: 1 }],
  ['broken:1', { startError: 'exec: "serve": executable file not found' }],
  ['job:1', { exitAfterMs: 20_000, exitCode: 0 }],
  ['long-job:1', { exitAfterMs: 90_000, exitCode: 0 }],
  ['failing-job:1', { exitAfterMs: 5000, exitCode: failureExitCode }],
];

const images: readonly (readonly [string, Partial<ImageBehaviour>])[] = [
  ['app:2', { absent: true, pullMs: 2000 }],
  ['slow:2', { absent: true, pullMs: 15_000 }],
  ['missing:1', { absent: true, pullError: 'manifest unknown' }],
];

export const catalogue: BehaviourCatalogue = { containers: new Map(containers), images: new Map(images) };
