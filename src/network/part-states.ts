/**
 * How the parts of this node's network are: a file beside their own, for `naru status`, which asks no running process. What is in it is as of the last change.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../lib/log.ts';
import { writePrivateFile } from '../lib/private-file.ts';

export interface PartState {
  readonly name: string;
  /** Why it does not run. It is tried again. */
  readonly problem?: string;
}

const fileIn = (folder: string): string => path.join(folder, 'parts.json');

export class PartStates {
  readonly #folder: string;
  readonly #log: Logger;
  /** By its place in the order. */
  readonly #states = new Map<number, PartState>();
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  runs(place: number, name: string): void {
    this.#states.set(place, { name });
  }

  fails(place: number, name: string, error: unknown): void {
    this.#states.set(place, { name, problem: error instanceof Error ? error.message : String(error) });
  }

  /** Nobody waits for it. */
  write(): void {
    const inOrder = [...this.#states].toSorted(([a], [b]) => a - b).map(([, state]) => state);
    this.#writing = this.#writing
      .then(() => writePrivateFile(fileIn(this.#folder), JSON.stringify(inOrder)))
      .catch((error: unknown) => this.#log.warn('how the network is cannot be written down', { error }));
  }

  /** Resolves when all is written. */
  close(): Promise<void> {
    return this.#writing;
  }
}

/** Undefined where no network began to run from there, or the file is none of ours. */
export async function readPartStates(folder: string): Promise<readonly PartState[] | undefined> {
  try {
    const content: unknown = JSON.parse(await fs.readFile(fileIn(folder), 'utf8'));
    return Array.isArray(content) && content.every(isState) ? content : undefined;
  } catch {
    return undefined;
  }
}

function isState(value: unknown): value is PartState {
  if (typeof value !== 'object' || value === null) return false;
  const { name, problem } = value as Partial<Record<keyof PartState, unknown>>;
  return typeof name === 'string' && (problem === undefined || typeof problem === 'string');
}
