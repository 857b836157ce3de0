/**
 * ServiceCIDRs: tells that they are ready, and keeps one that is to go until no Service's address hangs on it alone. Upstream's account.
 * Which addresses are given from them is the API's (`registry/service-ranges.ts`).
 */
import type { IPAddress, ServiceCIDR } from '../../api/schema/types/networking-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { ipAddresses, serviceCidrs } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, isDeleting, nameOf, referenceOf } from '../shared/context.ts';
import { decide, finalizer, holds, isManaged, overlap, type Plan } from './decide.ts';

const account = 'service-cidrs-controller';

export function serviceCidrController(context: ControllerContext): Service {
  const { client, clock, events, ...own } = contextFor(context, account);
  const cidrs = context.informers.informer(serviceCidrs);
  const addresses = context.informers.informer(ipAddresses);

  async function reconcile(key: string): Promise<Outcome> {
    const cidr = cidrs.cache.byKey(key);
    if (cidr === undefined) return done;
    const plan = decide(cidr, cidrs.cache.list(), isDeleting(cidr) ? addresses.cache.list() : [], clock.now());
    switch (plan.kind) {
      case 'keep':
        if (!hasFinalizer(cidr)) await setFinalizers(cidr, [...finalizersOf(cidr), finalizer]);
        await tell(cidr, plan.ready).catch((error: unknown) => {
          const message = 'The ServiceCIDR Status can not be set to Ready=True';
          events.record(serviceCidrs, cidr, 'Warning', 'KubernetesServiceCIDRError', message);
          throw error;
        });
        return done;
      case 'blocked':
        await tell(cidr, plan.ready);
        return done;
      case 'wait':
        return after(plan.ms);
      case 'let go':
        if (hasFinalizer(cidr)) {
          const left = finalizersOf(cidr).filter((name) => name !== finalizer);
          await setFinalizers(cidr, left);
        }
        return done;
    }
  }

  async function setFinalizers(cidr: ServiceCIDR, finalizers: readonly string[]): Promise<void> {
    const { uid, resourceVersion } = cidr.metadata ?? {};
    const body = { metadata: { uid, resourceVersion, finalizers } };
    await client.patch(serviceCidrs, referenceOf(cidr), { type: 'merge', body }).catch(unlessGone);
  }

  async function tell(cidr: ServiceCIDR, ready: Extract<Plan, { kind: 'keep' }>['ready']): Promise<void> {
    const standing = cidr.status?.conditions?.find(({ type }) => type === ready.type);
    if (standing?.status === ready.status && standing.reason === ready.reason && standing.message === ready.message)
      return;
    const body = { status: { conditions: [{ ...ready, lastTransitionTime: formatTime(clock.now()) }] } };
    const patch = { type: 'strategic', body } as const;
    await client.patch(serviceCidrs, referenceOf(cidr), patch, { subresource: 'status' }).catch(unlessGone);
  }

  const loop = new ControlLoop({ ...own, clock, name: account, informers: [cidrs, addresses], reconcile });
  const wakeAround = (cidr: ServiceCIDR): void => {
    for (const other of cidrs.cache.list()) if (overlap(cidr, other)) loop.queue.add(nameOf(other));
    loop.queue.add(nameOf(cidr));
  };
  cidrs.addHandler({ added: wakeAround, updated: wakeAround, deleted: wakeAround });
  addresses.addHandler({
    // Only what is to go waits for addresses, and only for their end.
    deleted: (address: IPAddress) => {
      if (!isManaged(address)) return;
      for (const cidr of cidrs.cache.list()) {
        if (isDeleting(cidr) && holds(cidr, nameOf(address))) loop.queue.add(nameOf(cidr));
      }
    },
  });
  return loop;
}

const finalizersOf = ({ metadata }: ServiceCIDR): readonly string[] => metadata?.finalizers ?? [];
const hasFinalizer = (cidr: ServiceCIDR): boolean => finalizersOf(cidr).includes(finalizer);

function unlessGone(error: unknown): void {
  if (!hasReason(error, 'NotFound')) throw error;
}
