/** How a step is carried out: a function a kind, in the table of `all-steps.ts`. */
import type { Step } from '../plan.ts';
import type { PodMemory } from '../pod-memory.ts';

export type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>;

/** Resolves with false where the round must end: what comes after depends on this step. Rejects where the whole round is to be tried again. */
export type StepAction<K extends Step['kind']> = (memory: PodMemory, step: StepOf<K>) => Promise<boolean> | boolean;
