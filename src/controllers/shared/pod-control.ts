/**
 * Creates and deletes pods for a loop whose pods have names by chance: what was asked for is expected (`client/expectations.ts`) until the
 * cache shows it, so that nothing is asked for twice; events say what was done, in upstream's words.
 *
 * Kept true: a deletion whose answer got lost stays expected unless the server says that it was not carried out.
 */
import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Resource } from '../../client/client.ts';
import { isRefusal } from '../../client/errors.ts';
import type { Expectations } from '../../client/expectations.ts';
import { pods as podsResource } from '../../client/resources.ts';
import { isDeleting, type LoopContext, nameOf, namespaceOf, referenceOf, uidOf } from './context.ts';
import { isNamespaceEnding, messageOf } from './refusals.ts';
import { slowStart } from './slow-start.ts';

/** How often, and how soon again (ms), the server is asked what became of a deletion. */
const asksMax = 10;
const askAgainMs = 500;

export class PodControl<O extends KubeObject> {
  readonly #context: LoopContext;
  readonly #resource: Resource<O>;
  readonly #expectations: Expectations;

  constructor(context: LoopContext, resource: Resource<O>, expectations: Expectations) {
    this.#context = context;
    this.#resource = resource;
    this.#expectations = expectations;
  }

  /** Creates and deletes at the same time; resolves with the first failure of each. */
  async change(
    key: string,
    owner: O,
    { create, remove }: { readonly create: readonly Pod[]; readonly remove: readonly Pod[] },
  ): Promise<{ readonly createError?: unknown; readonly removeError?: unknown }> {
    this.#expectations.expect(key, create.length, remove.map(uidOf));
    const [created, ...removed] = await Promise.allSettled([
      this.#createAll(key, owner, create),
      ...remove.map((pod) => this.#remove(key, owner, pod)),
    ]);
    const failed = removed.find((result) => result.status === 'rejected');
    const createError = created.status === 'rejected' ? (created.reason as unknown) : created.value;
    return {
      ...(createError !== undefined && { createError }),
      ...(failed !== undefined && { removeError: failed.reason as unknown }),
    };
  }

  async #createAll(key: string, owner: O, pods: readonly Pod[]): Promise<unknown> {
    const result = await slowStart(pods.length, async (index) => {
      const pod = pods[index];
      if (pod !== undefined) await this.#create(key, owner, pod);
    });
    this.#expectations.creationSeen(key, result.skipped);
    return result.errors[0];
  }

  async #create(key: string, owner: O, pod: Pod): Promise<void> {
    const { client, events } = this.#context;
    try {
      const created = await client.create(podsResource, pod);
      events.record(this.#resource, owner, 'Normal', 'SuccessfulCreate', `Created pod: ${nameOf(created)}`);
    } catch (error) {
      this.#expectations.creationSeen(key);
      if (isNamespaceEnding(error)) return;
      events.record(this.#resource, owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  async #remove(key: string, owner: O, pod: Pod): Promise<void> {
    const { client, events } = this.#context;
    try {
      await client.delete(podsResource, referenceOf(pod), { uid: uidOf(pod) });
      events.record(this.#resource, owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${nameOf(pod)}`);
    } catch (error) {
      if (!isRefusal(error) && (await this.#isEnding(pod))) return;
      this.#expectations.deletionSeen(key, uidOf(pod));
      if (hasReason(error, 'NotFound', 'Conflict')) return;
      events.record(this.#resource, owner, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
      throw error;
    }
  }

  /** Where the server does not say either, it is taken as carried out: what is wrongly expected is given up after a while. */
  async #isEnding(pod: Pod): Promise<boolean> {
    const { client, clock } = this.#context;
    for (let attempt = 0; attempt < asksMax; attempt++) {
      try {
        // Listed by name: these loops may list pods, and not get one.
        const query = { namespace: namespaceOf(pod), fieldSelector: `metadata.name=${nameOf(pod)}` };
        const current = (await client.list(podsResource, query)).items[0];
        return current === undefined || isDeleting(current) || uidOf(current) !== uidOf(pod);
      } catch {
        await clock.sleep(askAgainMs);
      }
    }
    return true;
  }
}
