/**
 * Stages: what happens to simulated containers and nodes, as data, with delays and chances. A stage is drawn anew for each run of a
 * container (each pull for `pull`, each turn of a node for `lost`), from the `Prng` that it is given; stages drawn later win.
 *
 * They stand in a template file (`node-template.ts`) for all pods, or on a pod, as JSON or YAML:
 * `simulation.naru.dev/stages: '[{"stage": "crash", "container": "app", "delay": "1s..5s", "chance": 0.2, "exitCode": 3}]'`.
 * `SimulatedRuntime` lives out those of containers, `NodeLosses` those of nodes.
 */
import { parseYaml } from '../api/yaml.ts';
import { nextInt, type Prng } from '../lib/prng.ts';
import type { ContainerBehaviour, ImageBehaviour } from './container-behaviour.ts';
import {
  type Entry,
  readDelay,
  readEntries,
  readEntry,
  readNumber,
  readOneOf,
  readText,
  wrong,
} from './strict-reading.ts';

export interface Delay {
  readonly minMs: number;
  readonly maxMs: number;
}

const kinds = ['pull', 'start', 'ready', 'slow', 'crash', 'complete', 'stop', 'evict'] as const;

export interface ContainerStage {
  /**
   * `pull`: the image is not there, and pulling it takes `delay`, or fails with `message`. `start`: starting takes `delay`, or fails with
   * `message`. `ready`: it answers its probes `delay` after its start. `slow`: from `delay` after its start it does not answer, `for` so long.
   * `crash` and `complete`: it exits `delay` after its start, with `exitCode` or well. `stop`: it takes `delay` to end after TERM.
   * `evict`: the node evicts its pod `delay` after its start.
   */
  readonly stage: (typeof kinds)[number];
  /** Only containers of this image, as the pod writes it; of all where absent. */
  readonly image?: string;
  /** Only containers of this name. */
  readonly container?: string;
  readonly delay: Delay;
  /** From 0 to 1; 1 where absent. */
  readonly chance: number;
  readonly for?: Delay;
  readonly exitCode?: number;
  readonly message?: string;
}

/** The node falls silent after `delay`, with `chance`, and is back after `for`, or never. When it is back, it is drawn again. */
export interface NodeStage {
  readonly stage: 'lost';
  readonly delay: Delay;
  readonly chance: number;
  readonly for?: Delay;
}

export const stagesAnnotation = 'simulation.naru.dev/stages';

const evictMessage = 'The node was low on resource: memory. ';

interface Drawn {
  readonly delayMs: number;
  readonly forMs: number | undefined;
}

const effects: Readonly<
  Record<ContainerStage['stage'], (stage: ContainerStage, drawn: Drawn) => Partial<ContainerBehaviour>>
> = {
  pull: () => ({}),
  start: ({ message = '' }, { delayMs }) => ({ startDelayMs: delayMs, startError: message }),
  ready: (_, { delayMs }) => ({ healthyAfterMs: delayMs }),
  slow: (_, { delayMs, forMs }) => ({
    unhealthyAfterMs: delayMs,
    ...(forMs !== undefined && { unhealthyForMs: forMs }),
  }),
  crash: ({ exitCode = 1 }, { delayMs }) => ({ exitAfterMs: delayMs, exitCode }),
  complete: (_, { delayMs }) => ({ exitAfterMs: delayMs, exitCode: 0 }),
  stop: (_, { delayMs }) => ({ stopMs: delayMs }),
  evict: ({ message = evictMessage }, { delayMs }) => ({ evictAfterMs: delayMs, evictMessage: message }),
};

/** An init container ends by itself: it takes only the stages that name it or its image. */
export function drawBehaviour(
  stages: readonly ContainerStage[],
  container: { readonly name: string; readonly image: string; readonly isInit?: boolean },
  prng: Prng,
): Partial<ContainerBehaviour> {
  const behaviours = stages
    .filter((stage) => stage.image === undefined || stage.image === container.image)
    .filter((stage) => stage.container === undefined || stage.container === container.name)
    .filter((stage) => !container.isInit || stage.image !== undefined || stage.container !== undefined)
    .map((stage) => {
      const drawn = draw(stage, prng);
      return drawn === undefined ? {} : effects[stage.stage](stage, drawn);
    });
  return Object.assign({}, ...behaviours) as Partial<ContainerBehaviour>;
}

/** An image with a stage `pull` is absent until pulled; whether this pull takes its time or fails is drawn. */
export function drawPull(stages: readonly ContainerStage[], image: string, prng: Prng): Partial<ImageBehaviour> {
  const own = stages.filter(({ stage, image: only }) => stage === 'pull' && (only === undefined || only === image));
  if (own.length === 0) return {};
  const pulls = own.map((stage): Partial<ImageBehaviour> => {
    const drawn = draw(stage, prng);
    return drawn === undefined ? {} : { pullMs: drawn.delayMs, pullError: stage.message ?? '' };
  });
  return Object.assign({ absent: true }, ...pulls) as Partial<ImageBehaviour>;
}

/** Undefined where chance was against it. A stage that always comes draws no chance: nothing else in a seed's run moves. */
export function draw(
  stage: { readonly delay: Delay; readonly chance: number; readonly for?: Delay },
  prng: Prng,
): Drawn | undefined {
  if (stage.chance < 1 && prng.next() >= stage.chance) return undefined;
  const within = ({ minMs, maxMs }: Delay): number =>
    minMs === maxMs ? minMs : minMs + nextInt(prng, maxMs - minMs + 1);
  return { delayMs: within(stage.delay), forMs: stage.for && within(stage.for) };
}

/** The stages on a pod; none where they cannot be read, as whoever wrote them sees by what the pod does. */
export function annotatedStages(annotations: Readonly<Record<string, string>>): readonly ContainerStage[] {
  const text = annotations[stagesAnnotation];
  if (text === undefined) return [];
  try {
    return readContainerStages(parseYaml(text).value, stagesAnnotation);
  } catch {
    return [];
  }
}

/** @throws Error, one sentence that names the place */
export function readContainerStages(value: unknown, path: string): readonly ContainerStage[] {
  return readEntries(value, path, stagesMax, (item, at) => {
    const entry = readEntry(item, at, containerFields);
    const stage = readOneOf(entry, 'stage', kinds);
    if (entry.fields.has('for') && stage !== 'slow')
      throw wrong(`${at}.for`, `only a stage slow has one, not ${stage}`);
    if (entry.fields.has('exitCode') && stage !== 'crash') {
      throw wrong(`${at}.exitCode`, `only a stage crash has one, not ${stage}`);
    }
    if (entry.fields.has('container') && stage === 'pull') {
      throw wrong(`${at}.container`, 'a pull is for all containers of an image: name the image instead');
    }
    const image = readText(entry, 'image');
    const container = readText(entry, 'container');
    const message = readText(entry, 'message');
    const exitCode = readNumber(entry, 'exitCode', { least: 1, most: 255, whole: true });
    return {
      stage,
      ...common(entry),
      ...(image !== undefined && { image }),
      ...(container !== undefined && { container }),
      ...(message !== undefined && { message }),
      ...(exitCode !== undefined && { exitCode }),
    };
  });
}

/** @throws Error, one sentence that names the place */
export function readNodeStages(value: unknown, path: string): readonly NodeStage[] {
  return readEntries(value, path, stagesMax, (item, at) => {
    const entry = readEntry(item, at, nodeFields);
    return { stage: readOneOf(entry, 'stage', ['lost'] as const), ...common(entry) };
  });
}

const stagesMax = 100;
const nodeFields = ['stage', 'delay', 'chance', 'for'];
const containerFields = [...nodeFields, 'image', 'container', 'exitCode', 'message'];

function common(entry: Entry): { readonly delay: Delay; readonly chance: number; readonly for?: Delay } {
  const forTime = readDelay(entry, 'for');
  return {
    delay: readDelay(entry, 'delay') ?? { minMs: 0, maxMs: 0 },
    chance: readNumber(entry, 'chance', { least: 0, most: 1 }) ?? 1,
    ...(forTime !== undefined && { for: forTime }),
  };
}
