/**
 * Having the image of a container: is it there, must it be pulled, and pulling it. One image is pulled once at a time, whoever
 * waits for it; pulls of different images run side by side, within a bound.
 */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { parseReference } from '../../images/reference.ts';
import type { Clock } from '../../lib/clock.ts';
import { Gate } from '../gate.ts';
import type { ObjectSource } from '../object-source.ts';
import { type RegistryCredentials, type Runtime, RuntimeError } from '../runtime.ts';
import type { ImageState } from './plan.ts';
import { pullCredentials } from './pull-secrets.ts';

export type ImageEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

export interface ImageKeeperOptions {
  readonly runtime: Runtime;
  readonly source: ObjectSource;
  readonly clock: Clock;
  /** Pulls at a time. */
  readonly pullsMax: number;
}

export class ImageKeeper {
  readonly #options: ImageKeeperOptions;
  readonly #gate: Gate;
  readonly #pulls = new Map<string, Promise<string>>();

  constructor(options: ImageKeeperOptions) {
    this.#options = options;
    this.#gate = new Gate(options.pullsMax);
  }

  /**
   * What is known without a pull; undefined: it must be pulled. `retryAtMs` says when to look again where it may not be.
   * @throws RuntimeError where the runtime does not answer
   */
  async find(container: Container, event: ImageEvent, retryAtMs: number): Promise<ImageState | undefined> {
    const image = container.image ?? '';
    const policy = container.imagePullPolicy ?? 'IfNotPresent';
    const problem = referenceProblem(image);
    if (problem !== undefined) return this.#invalid(image, problem, event, retryAtMs);
    const present = await this.#options.runtime.imageStatus(image);
    if (policy === 'Always') return undefined;
    if (present !== undefined) {
      event('Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`);
      return { kind: 'present', imageId: present.id };
    }
    if (policy !== 'Never') return undefined;
    const message = `Container image "${image}" is not present with pull policy of Never`;
    event('Warning', 'ErrImageNeverPull', message);
    return { kind: 'failed', reason: 'ErrImageNeverPull', message, failedAtMs: this.#options.clock.now(), retryAtMs };
  }

  /** Never rejects: a failure is a state. */
  async pull(pod: Pod, container: Container, event: ImageEvent, retryInMs: () => number): Promise<ImageState> {
    const { clock } = this.#options;
    const image = container.image ?? '';
    const startedMs = clock.monotonic();
    event('Normal', 'Pulling', `Pulling image "${image}"`);
    try {
      const imageId = await this.#pullOnce(pod, image);
      const took = formatDuration(clock.monotonic() - startedMs);
      const status = await this.#options.runtime.imageStatus(imageId);
      const size = `Image size: ${status?.sizeBytes ?? 0} bytes.`;
      event('Normal', 'Pulled', `Successfully pulled image "${image}" in ${took} (${took} including waiting). ${size}`);
      return { kind: 'present', imageId };
    } catch (error) {
      return this.#failed(image, error, event, retryInMs());
    }
  }

  #failed(image: string, error: unknown, event: ImageEvent, retryInMs: number): ImageState {
    const message = error instanceof Error ? error.message : String(error);
    const failedAtMs = this.#options.clock.now();
    const retryAtMs = failedAtMs + retryInMs;
    if (error instanceof RuntimeError && error.kind === 'invalid-image-name') {
      return this.#invalid(image, message, event, retryAtMs);
    }
    event('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
    event('Warning', 'Failed', 'Error: ErrImagePull');
    return { kind: 'failed', reason: 'ErrImagePull', message, failedAtMs, retryAtMs };
  }

  #invalid(image: string, problem: string, event: ImageEvent, retryAtMs: number): ImageState {
    const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${problem}`;
    event('Warning', 'InspectFailed', message);
    event('Warning', 'Failed', 'Error: InvalidImageName');
    const failedAtMs = this.#options.clock.now();
    return { kind: 'failed', reason: 'InvalidImageName', message, failedAtMs, retryAtMs };
  }

  async #pullOnce(pod: Pod, image: string): Promise<string> {
    const credentials = await pullCredentials(pod, image, this.#options.source);
    const key = JSON.stringify([image, credentials]);
    const running = this.#pulls.get(key);
    if (running !== undefined) return running;
    const pull = this.#gate.run(() => this.#pullWith(image, credentials)).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    return pull;
  }

  /** The first that the registry accepts; without any, as nobody in particular. */
  async #pullWith(image: string, credentials: readonly RegistryCredentials[]): Promise<string> {
    const { runtime } = this.#options;
    let last: unknown;
    for (const one of credentials) {
      try {
        return await runtime.pullImage(image, one);
      } catch (error) {
        last = error;
      }
    }
    if (last !== undefined) throw last;
    return runtime.pullImage(image);
  }
}

/** What is wrong with the name of an image; no registry need be asked for it. */
function referenceProblem(image: string): string | undefined {
  try {
    parseReference(image);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** As Go prints it: `850ms`, `1.234s`, `1m2.5s`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.round(durationMs);
  if (ms < 1000) return `${ms}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = (ms - minutes * 60_000) / 1000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}
