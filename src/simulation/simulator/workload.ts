/**
 * What users do, as data: actions with weights, in families, each a few calls of an administrator whose network is as bad as everybody's.
 *
 * Refusals are part of life. What runs must be able to come to rest: bare pods never crash for ever, nobody deletes by force (see the checkers), and
 * `settle` takes back at the end what could not converge (broken images, pauses, more than the nodes can carry).
 *
 * To add something: an action in a family's file (`workload/`), or a family and its line here; what must hold at the end, in `convergence.ts`.
 */
import { StatusError } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { nodes } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { nextInt, type Prng } from '../../lib/prng.ts';
import { Tallied } from './tallied.ts';
import { cronJobFamily } from './workload/cron-jobs.ts';
import { customResourceFamily } from './workload/custom-resources.ts';
import { apartFamily, deploymentFamily } from './workload/deployments.ts';
import { jobFamily } from './workload/jobs.ts';
import { nodeFamily } from './workload/nodes.ts';
import { namespaceFamily, ownershipFamily, replicationControllerFamily } from './workload/ownership.ts';
import { podFamily } from './workload/pods.ts';
import { budgetFamily, quotaFamily } from './workload/policies.ts';
import { createStanding, onlyDrains, onlyRollouts } from './workload/promises.ts';
import { Room } from './workload/room.ts';
import { serviceFamily } from './workload/services.ts';
import { setFamily } from './workload/sets.ts';
import { storageFamily } from './workload/storage.ts';
import { type Action, type Family, World, type WorldOptions } from './workload/world.ts';

export { type Action, World } from './workload/world.ts';
export { createStanding, onlyDrains, onlyRollouts };

/** In the order in which they are settled: what cannot give way takes its room first. */
const families: readonly Family[] = [
  nodeFamily,
  quotaFamily,
  setFamily,
  cronJobFamily,
  replicationControllerFamily,
  apartFamily,
  deploymentFamily,
  podFamily,
  jobFamily,
  storageFamily,
  serviceFamily,
  budgetFamily,
  ownershipFamily,
  customResourceFamily,
  namespaceFamily,
];

/** Everything that users do to a cluster. */
export const everyAction: readonly Action[] = families.flatMap(({ actions }) => actions);

/** What a run counts its actions under: the names of families, and the runs that do little else. */
export const familyNames: readonly string[] = [...families.map(({ name }) => name), 'rollouts', 'drains'];

const familyOf: ReadonlyMap<Action, string> = new Map([
  ...families.flatMap(({ name, actions }) => actions.map((action) => [action, name] as const)),
  ...onlyRollouts.map((action) => [action, 'rollouts'] as const),
  ...onlyDrains.map((action) => [action, 'drains'] as const),
]);

/** Without Deployments there is little to select, to guard or to own. */
const always: readonly Family[] = [deploymentFamily];

/** About half of the families: rare mixes come up, and each gets time. */
export function someActions(prng: Prng): readonly Action[] {
  return families
    .filter((family) => always.includes(family) || nextInt(prng, 2) === 0)
    .flatMap(({ actions }) => actions);
}

/** What must stand before users come. */
export async function prepare(client: Client): Promise<void> {
  for (const family of families) await family.prepare?.(client);
}

/** Takes back what could not come to rest, over a client that nobody disturbs. */
export async function settle(world: World): Promise<void> {
  const room = new Room(world.all(nodes));
  for (const family of families) await family.settle?.(world.forgiving(), room);
}

export interface WorkloadOptions extends WorldOptions {
  readonly clock: Clock;
  readonly actions: readonly Action[];
  /** Between two actions, on average. */
  readonly everyMs: number;
  readonly told: (what: string) => void;
}

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #world: World;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** How many actions of each family there were. */
  readonly counts = new Tallied();

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#world = new World(options);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the users go home'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, prng, everyMs, told } = this.#options;
    for (;;) {
      await clock.sleep(-Math.log(1 - prng.next()) * everyMs, this.#stop.signal).catch(() => {});
      if (this.#stop.signal.aborted) return;
      const action = this.#choose();
      this.counts.add(familyOf.get(action) ?? action.name);
      told(action.name);
      await action.act(this.#world).catch(unlessRefused);
    }
  }

  #choose(): Action {
    const { actions, prng } = this.#options;
    let left = prng.next() * actions.reduce((sum, { weight }) => sum + weight, 0);
    for (const action of actions) {
      left -= action.weight;
      if (left < 0) return action;
    }
    return actions[0] as Action;
  }
}

function unlessRefused(error: unknown): void {
  if (!(error instanceof StatusError)) throw error;
}
