/**
 * How a simulated container behaves, as data: what a real image would do, said in the pod's annotations or known by the
 * image's name. Nothing runs here; `SimulatedRuntime` lives these stages out under its clock.
 *
 * Annotations stand on the pod; `simulation.naru.dev/behaviour.NAME` is for the container NAME, `simulation.naru.dev/behaviour` for
 * all: `{"startDelayMs": 200, "exitAfterMs": 1000, "exitCode": 1}`. What comes by chance is said in stages (`stages.ts`).
 */
import type { Prng } from '../lib/prng.ts';
import { annotatedStages, type ContainerStage, drawBehaviour, drawPull } from './stages.ts';

export interface ContainerBehaviour {
  /** How long the runtime takes to start it. */
  readonly startDelayMs: number;
  /** It exits by itself after this; absent: it runs until it is stopped. */
  readonly exitAfterMs?: number;
  readonly exitCode: number;
  /** How long it takes to end after TERM; longer than the grace period means KILL, and exit code 137. */
  readonly stopMs: number;
  /** Its exit code after TERM. */
  readonly stopExitCode: number;
  /** Not empty: starting it fails with this message. */
  readonly startError: string;
  /** Written to standard output when it starts. */
  readonly logLines: readonly string[];
  /** It answers its probes this long after its start; absent: never. */
  readonly healthyAfterMs?: number;
  /** It stops answering this long after its start. */
  readonly unhealthyAfterMs?: number;
  /** It answers again after so long; absent: never. */
  readonly unhealthyForMs?: number;
  /** The node evicts its pod this long after its start. */
  readonly evictAfterMs?: number;
  /** What the node gives as the reason. */
  readonly evictMessage?: string;
  /** What it uses while it runs: thousandths of a processor, and memory. */
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

/** How the registry behaves for an image. */
export interface ImageBehaviour {
  /** Not there until it was pulled. */
  readonly absent: boolean;
  readonly pullMs: number;
  /** Not empty: pulling fails with this message. */
  readonly pullError: string;
}

export const behaviourAnnotation = 'simulation.naru.dev/behaviour';

export const steadyBehaviour: ContainerBehaviour = {
  startDelayMs: 0,
  exitCode: 0,
  stopMs: 0,
  stopExitCode: 0,
  startError: '',
  logLines: [],
  healthyAfterMs: 0,
  cpuMilli: 1,
  memoryBytes: 10 * 2 ** 20,
};

export const presentImage: ImageBehaviour = { absent: false, pullMs: 0, pullError: '' };

/** Behaviours by image, for tests that make no annotations. The image's name is matched as the pod writes it. */
export interface BehaviourCatalogue {
  /** For all that nothing more specific speaks of. */
  readonly everyContainer?: Partial<ContainerBehaviour>;
  readonly containers: ReadonlyMap<string, Partial<ContainerBehaviour>>;
  readonly images: ReadonlyMap<string, Partial<ImageBehaviour>>;
  /** What comes by chance, drawn anew for each run of a container and each pull. */
  readonly stages?: readonly ContainerStage[];
}

/** Nobody who looks into a log shall take a simulated pod for a real one. */
export const outspokenCatalogue: BehaviourCatalogue = {
  everyContainer: { logLines: ['This container is simulated: no program runs in it.'] },
  containers: new Map(),
  images: new Map(),
};

export const emptyCatalogue: BehaviourCatalogue = { containers: new Map(), images: new Map() };

/**
 * The most specific wins: the container's annotation, the pod's, the pod's stages, the image's, the catalogue's stages. A malformed annotation counts as none. An init container of which
 * nothing is said ends well at once, or the pod would wait for ever.
 */
export function containerBehaviour(
  catalogue: BehaviourCatalogue,
  annotations: Readonly<Record<string, string>>,
  container: { readonly name: string; readonly image: string; readonly isInit?: boolean },
  prng: Prng,
): ContainerBehaviour {
  return {
    ...steadyBehaviour,
    ...(container.isInit && { exitAfterMs: 0 }),
    ...catalogue.everyContainer,
    ...drawBehaviour(catalogue.stages ?? [], container, prng),
    ...catalogue.containers.get(container.image),
    ...drawBehaviour(annotatedStages(annotations), container, prng),
    ...parsed(annotations[behaviourAnnotation]),
    ...parsed(annotations[`${behaviourAnnotation}.${container.name}`]),
  };
}

export function imageBehaviour(catalogue: BehaviourCatalogue, image: string, prng: Prng): ImageBehaviour {
  return { ...presentImage, ...drawPull(catalogue.stages ?? [], image, prng), ...catalogue.images.get(image) };
}

function parsed(text: string | undefined): Partial<ContainerBehaviour> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** A container id like a runtime's: 64 hexadecimal digits. */
export function randomId(prng: Prng): string {
  const words = Array.from({ length: 8 }, () =>
    Math.floor(prng.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  );
  // Joined at once: a string made of strings takes several times the memory, and a node keeps one for each container.
  return words.join('');
}
