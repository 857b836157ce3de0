/**
 * Having the images of a container, its own and those of its image volumes: is it there and may the pod use it, must it be pulled, and
 * pulling it. One image is pulled once at a time with the same credentials, whoever waits for it; when a pull begins, `PullQueue` says.
 */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { parseReference } from '../../images/reference.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ObjectSource } from '../object-source.ts';
import type { ImageState } from '../pod/plan.ts';
import { type ImageStatus, type Runtime, RuntimeError } from '../runtime.ts';
import type { ImageVolume } from './image-mounts.ts';
import type { FetchedImage, ImagesOfNodes } from './images-of-nodes.ts';
import {
  credentialHash,
  type NodeCredentials,
  noNodeCredentials,
  type PullCredentials,
  pullCredentials,
} from './pull-credentials.ts';
import { pullFailure } from './pull-errors.ts';
import { PullQueue, type PullSettings } from './pull-queue.ts';
import { noPullRecords, type PullRecords } from './pull-records.ts';
import type { KnownSecret } from './pull-verification.ts';

export type ImageEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

export interface ImageKeeperOptions {
  readonly runtime: Runtime;
  readonly source: ObjectSource;
  readonly clock: Clock;
  readonly settings: PullSettings;
  /** Of the node; none where absent. */
  readonly credentials?: NodeCredentials;
  /** Without them, every pod may use every image that is here. */
  readonly records?: PullRecords;
  /** Shows an image as a volume; volumes of simulated nodes show nothing. */
  readonly mount?: MountImage;
  /** Asked before a registry. */
  readonly nodes?: Pick<ImagesOfNodes, 'fetch'>;
}

export type MountImage = (volume: ImageVolume) => Promise<void>;

/** Until a volume that could not be mounted is tried again. */
const volumeRetryMs = 10_000;

type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

interface ImageWish {
  /** The volume that shows it; absent: it is the container's own. */
  readonly volume?: string;
  readonly image: string;
  readonly policy: PullPolicy;
}

interface Pulled {
  readonly imageId: string;
  readonly sizeBytes: number;
  readonly tookMs: number;
  /** Which of the credentials the registry took; absent: none were needed. */
  readonly used?: number;
}

type Failed = Extract<ImageState, { readonly kind: 'failed' }>;

export class ImageKeeper {
  readonly #options: ImageKeeperOptions;
  readonly #records: PullRecords;
  readonly #queue: PullQueue;
  readonly #pulls = new Map<string, Promise<Pulled>>();
  readonly #listeners: (() => void)[] = [];

  constructor(options: ImageKeeperOptions) {
    this.#options = options;
    this.#records = options.records ?? noPullRecords;
    this.#queue = new PullQueue(options.settings, options.clock);
  }

  /** An image came: what lists the node's images may look again. */
  onPulled(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * What is known without a pull; undefined: one is needed. `retryAtMs` says when to look again where it may not be.
   * @throws RuntimeError where the runtime does not answer
   */
  async find(pod: Pod, container: Container, event: ImageEvent, retryAtMs: number): Promise<ImageState | undefined> {
    const states: (ImageState | undefined)[] = [];
    for (const wish of wishesOf(pod, container)) {
      const state = await this.#find(pod, wish, event, retryAtMs);
      if (state?.kind === 'failed') return state;
      states.push(state);
    }
    return states.includes(undefined)
      ? undefined
      : this.#ready(pod, container, states as ImageState[], event, retryAtMs);
  }

  /** Never rejects: a failure is a state. */
  async pull(pod: Pod, container: Container, event: ImageEvent, retryInMs: () => number): Promise<ImageState> {
    const wishes = wishesOf(pod, container);
    const states: ImageState[] = [];
    for (const wish of wishes) {
      const { image } = wish;
      try {
        const isKnownToMiss = wishes.length === 1;
        const here = isKnownToMiss ? undefined : await this.#find(pod, wish, () => {}, 0);
        const state = here?.kind === 'present' ? here : await this.#pull(pod, wish, event);
        states.push(state);
      } catch (error) {
        return this.#failed(image, error, event, this.#options.clock.now() + retryInMs());
      }
    }
    return this.#ready(pod, container, states, event, this.#options.clock.now() + volumeRetryMs);
  }

  /** All images are here: those of volumes are mounted. */
  async #ready(
    pod: Pod,
    container: Container,
    states: readonly ImageState[],
    event: ImageEvent,
    retryAtMs: number,
  ): Promise<ImageState> {
    const { mount } = this.#options;
    const uid = pod.metadata?.uid ?? '';
    for (const [index, { volume, image }] of wishesOf(pod, container).entries()) {
      const state = states[index];
      if (volume === undefined || mount === undefined || state?.kind !== 'present') continue;
      try {
        await mount({ uid, name: volume, imageId: state.imageId });
      } catch (error) {
        const { message } = error as Error;
        event('Warning', 'FailedMount', message);
        return this.#giveUp(image, 'CreateContainerError', message, event, retryAtMs);
      }
    }
    return states[0] as ImageState;
  }

  async #find(pod: Pod, wish: ImageWish, event: ImageEvent, retryAtMs: number): Promise<ImageState | undefined> {
    const { image, policy } = wish;
    const problem = referenceProblem(image);
    if (problem !== undefined) return this.#invalid(image, problem, event, retryAtMs);
    if (policy === 'Always') return undefined;
    let present: ImageStatus | undefined;
    try {
      present = await this.#options.runtime.imageStatus(image);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.kind === 'unavailable') throw error;
      const message = `Failed to inspect image "${image}": ${error.message}`;
      event('Warning', 'InspectFailed', message);
      return this.#giveUp(image, 'ImageInspectError', message, event, retryAtMs);
    }
    const secrets = () => this.#knownSecrets(pod, image);
    if (present !== undefined && (await this.#records.mayUse(image, present.id, secrets))) {
      event('Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`);
      return { kind: 'present', imageId: present.id };
    }
    if (policy !== 'Never') return undefined;
    // The same where it is here and the pod may not have it: nobody shall find out what others run.
    const message = `Container image "${image}" is not present with pull policy of Never`;
    event('Warning', 'ErrImageNeverPull', message);
    return this.#giveUp(image, 'ErrImageNeverPull', message, event, retryAtMs);
  }

  async #knownSecrets(pod: Pod, image: string): Promise<readonly KnownSecret[]> {
    const { fitting } = await this.#credentials(pod, image);
    return fitting.map(knownSecret).filter((secret) => secret !== undefined);
  }

  #credentials(pod: Pod, image: string) {
    const { source, credentials = noNodeCredentials } = this.#options;
    return pullCredentials(pod, image, source, credentials);
  }

  /** @throws Error, in the registry's words or the runtime's */
  async #pull(pod: Pod, wish: ImageWish, event: ImageEvent): Promise<ImageState> {
    const { image } = wish;
    const { clock } = this.#options;
    const startedMs = clock.monotonic();
    const { fitting, missing } = await this.#credentials(pod, image);
    if (missing.length > 0) {
      const names = missing.join(', ');
      const message = `Unable to retrieve some image pull secrets (${names}); attempting to pull the image may not succeed.`;
      event('Warning', 'FailedToRetrieveImagePullSecret', message);
    }
    event('Normal', 'Pulling', `Pulling image "${image}"`);
    const { given, problem } = await this.#fromNode(pod, wish);
    if (given !== undefined) return this.#pulled(image, given, startedMs, event);
    await this.#records.begin(image);
    let result: Pulled;
    try {
      result = await this.#pullOnce(image, fitting);
    } catch (error) {
      await this.#records.failed(image);
      throw withProblem(error, problem);
    }
    const { imageId, used } = result;
    const secret = used === undefined ? undefined : knownSecret(fitting[used] as PullCredentials);
    await this.#records.pulled(image, imageId, secret);
    return this.#pulled(image, result, startedMs, event);
  }

  #pulled(image: string, { imageId, sizeBytes, tookMs, node }: FetchedImage, startedMs: number, event: ImageEvent) {
    for (const listener of this.#listeners) listener();
    const [took, whole] = [tookMs, this.#options.clock.monotonic() - startedMs].map(formatDuration);
    const from = node === undefined ? '' : ` from node "${node}"`;
    const text = `Successfully pulled image "${image}"${from} in ${took} (${whole} including waiting). Image size: ${sizeBytes} bytes.`;
    event('Normal', 'Pulled', text);
    return { kind: 'present', imageId } as const;
  }

  /**
   * Where it was made or imported on another node. Not with the policy Always, which says that the registry decides; and an image that came so is
   * as one that was imported here: where the pod must show credentials for such, the registry is asked.
   */
  async #fromNode(pod: Pod, { image, policy }: ImageWish): Promise<{ given?: FetchedImage; problem?: string }> {
    const { nodes } = this.#options;
    if (nodes === undefined || policy === 'Always') return {};
    try {
      const given = await nodes.fetch(image, (task) => this.#queue.run(task));
      if (given === undefined) return {};
      const mayUse = await this.#records.mayUse(image, given.imageId, () => this.#knownSecrets(pod, image));
      return mayUse ? { given } : {};
    } catch (error) {
      return { problem: error instanceof Error ? error.message : String(error) };
    }
  }

  #failed(image: string, error: unknown, event: ImageEvent, retryAtMs: number): ImageState {
    const words = error instanceof Error ? error.message : String(error);
    if (error instanceof RuntimeError && error.kind === 'invalid-image-name') {
      return this.#invalid(image, words, event, retryAtMs);
    }
    event('Warning', 'Failed', `Failed to pull image "${image}": ${words}`);
    const { reason, message } = pullFailure(image, words);
    return this.#giveUp(image, reason, message, event, retryAtMs);
  }

  #invalid(image: string, problem: string, event: ImageEvent, retryAtMs: number): ImageState {
    const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${problem}`;
    event('Warning', 'InspectFailed', message);
    return this.#giveUp(image, 'InvalidImageName', message, event, retryAtMs);
  }

  #giveUp(image: string, reason: string, message: string, event: ImageEvent, retryAtMs: number): Failed {
    event('Warning', 'Failed', `Error: ${reason}`);
    return { kind: 'failed', image, reason, message, failedAtMs: this.#options.clock.now(), retryAtMs };
  }

  #pullOnce(image: string, credentials: readonly PullCredentials[]): Promise<Pulled> {
    const key = JSON.stringify([image, credentials.map((one) => one.credentials)]);
    const running = this.#pulls.get(key);
    if (running !== undefined) return running;
    const pull = this.#queue.run(() => this.#pullWith(image, credentials)).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    return pull;
  }

  /** With the first that the registry accepts; without any, as nobody in particular. */
  async #pullWith(image: string, credentials: readonly PullCredentials[]): Promise<Pulled> {
    const { runtime, clock } = this.#options;
    const startedMs = clock.monotonic();
    const done = async (imageId: string, used?: number): Promise<Pulled> => {
      const tookMs = clock.monotonic() - startedMs;
      const status = await runtime.imageStatus(imageId);
      return { imageId, sizeBytes: status?.sizeBytes ?? 0, tookMs, ...(used !== undefined && { used }) };
    };
    if (credentials.length === 0) return done(await runtime.pullImage(image));
    const problems = new Set<string>();
    let last: unknown;
    for (const [index, one] of credentials.entries()) {
      try {
        return await done(await runtime.pullImage(image, one.credentials), index);
      } catch (error) {
        last = error;
        problems.add(error instanceof Error ? error.message : String(error));
      }
    }
    if (problems.size < 2) throw last;
    throw new RuntimeError('failed', `[${[...problems].join(', ')}]`, { cause: last });
  }
}

/** The registry's words, and what went wrong before it was asked. */
function withProblem(error: unknown, problem: string | undefined): unknown {
  if (problem === undefined) return error;
  const message = `${error instanceof Error ? error.message : String(error)} (${problem})`;
  return new RuntimeError(error instanceof RuntimeError ? error.kind : 'failed', message, { cause: error });
}

/** Undefined for what is the node's own. */
function knownSecret({ credentials, secret }: PullCredentials): KnownSecret | undefined {
  return secret === undefined ? undefined : { ...secret, credentialHash: credentialHash(credentials) };
}

/** The container's own image, then those of the image volumes that it mounts, each once. */
function wishesOf(pod: Pod, container: Container): readonly ImageWish[] {
  const own = { image: container.image ?? '', policy: container.imagePullPolicy ?? 'IfNotPresent' };
  const volumes = pod.spec?.volumes ?? [];
  if (!volumes.some(({ image }) => image !== undefined)) return [own];
  const mounted = new Set((container.volumeMounts ?? []).map(({ name }) => name));
  const others = volumes
    .filter(({ name, image }) => image?.reference && mounted.has(name))
    .map(({ name, image }) => ({
      volume: name,
      image: image?.reference ?? '',
      policy: image?.pullPolicy ?? policyOf(image?.reference),
    }));
  return [own, ...others];
}

/** As the API's default: what may change under its name is asked for each time. */
function policyOf(reference = ''): PullPolicy {
  if (referenceProblem(reference) !== undefined) return 'IfNotPresent';
  const { tag = 'latest', digest } = parseReference(reference);
  return tag === 'latest' && digest === undefined ? 'Always' : 'IfNotPresent';
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
  const ms = Math.floor(durationMs);
  if (ms < 1000) return ms === 0 ? '0s' : `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1000;
  const long = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${long}${seconds}s`;
}
