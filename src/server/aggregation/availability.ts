/**
 * Keeps the condition `Available` of APIServices: looks whether their Service can be there, asks the server whether it is, and writes down what
 * it found out. Anew whenever one of them changes, and every half minute.
 *
 * Kept true: a status is written only when it says something else; a server that hangs holds up nobody else's; while no APIService names a
 * Service, nothing is looked at.
 */
import type { APIService, APIServiceCondition } from '../../api/schema/types/apiregistration-v1.ts';
import type { Client, Resource } from '../../client/client.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { InformerSet } from '../../client/informer.ts';
import { endpointSlices, services } from '../../client/resources.ts';
import { type Clock, formatTime } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { MetricRegistry } from '../../lib/metrics.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import { type ApiServiceIndex, type RemoteApi, remoteOf } from './api-service-index.ts';
import { AvailabilityMetrics, isAvailable } from './availability-metrics.ts';
import {
  type Availability,
  decideAvailability,
  discoveryFailed,
  localAvailability,
  passed,
} from './decide-availability.ts';
import { availabilityCall, type ExtensionServers, originOf } from './extension-servers.ts';

export interface AvailabilityOptions {
  readonly index: ApiServiceIndex;
  readonly servers: ExtensionServers;
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly metrics?: MetricRegistry | undefined;
}

const apiServices = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  resource: 'apiservices',
  namespaced: false,
} as Resource<APIService>;

const lookAgainMs = 30_000;
/** How often a server is asked before it counts as away: another of its endpoints may be better. */
const attemptsMax = 5;
const attemptsMsMax = 6_000;

const serviceLabel = 'kubernetes.io/service-name';
export function availabilityLoop(options: AvailabilityOptions): Service {
  const { index, informers } = options;
  const metrics = new AvailabilityMetrics(index, options.metrics);
  const ofServices = informers.informer(services);
  const ofSlices = informers.informer(endpointSlices);
  const look = async (key: string, signal: AbortSignal): Promise<Outcome> => {
    const object = index.get(key);
    if (object === undefined) return done;
    const api = remoteOf(object);
    if (api === undefined) {
      await write(options, object, localAvailability);
      return done;
    }
    const { namespace, name } = api.service;
    const slices = ofSlices.cache.list(namespace).filter(({ metadata }) => metadata?.labels?.[serviceLabel] === name);
    const decided = decideAvailability(api, ofServices.cache.get({ namespace, name }), slices);
    const found = decided ?? (await ask(options, api, signal));
    if (signal.aborted) return done;
    await write(options, object, found);
    if (found.status === 'False' && isAvailable(object)) metrics.went(key, found.reason);
    if (found.reason === discoveryFailed('').reason) throw new Error(found.message);
    return after(lookAgainMs);
  };
  const loop = new ControlLoop({
    ...options,
    name: 'AvailableConditionController',
    informers: [ofServices, ofSlices],
    reconcile: look,
    backoffMsMin: 100,
    backoffMsMax: lookAgainMs,
    begin: () => {
      for (const { name } of index.remotes) loop.queue.add(name);
    },
  });
  const wakeFor = (namespace: string, name: string): void => {
    for (const api of index.remotes) {
      if (api.service.name === name && api.service.namespace === namespace) loop.queue.add(api.name);
    }
  };
  const wake = ({ metadata }: { readonly metadata?: { readonly namespace?: string; readonly name?: string } }): void =>
    wakeFor(metadata?.namespace ?? '', metadata?.name ?? '');
  ofServices.addHandler({ added: wake, updated: wake, deleted: wake });
  const wakeOfSlice = ({ metadata }: { readonly metadata?: SliceMetadata }): void =>
    wakeFor(metadata?.namespace ?? '', metadata?.labels?.[serviceLabel] ?? '');
  ofSlices.addHandler({ added: wakeOfSlice, updated: wakeOfSlice, deleted: wakeOfSlice });
  return withIndex(loop, index);
}

interface SliceMetadata {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Follows changes of APIServices, too, but for those that it makes itself. */
function withIndex(loop: ControlLoop, index: ApiServiceIndex): Service {
  const seen = new Map<string, unknown>();
  let stop = (): void => {};
  return {
    name: loop.name,
    start: async () => {
      stop = index.onChange((name) => {
        const object = index.get(name);
        if (object === undefined) return void seen.delete(name);
        const isSettled = !object.spec?.service && conditionOf(object)?.reason === localAvailability.reason;
        if (isSettled || seen.get(name) === object.spec) return;
        seen.set(name, object.spec);
        loop.queue.add(name);
      });
      await loop.start();
    },
    close: async () => {
      stop();
      await loop.close();
    },
  };
}

/** One endpoint after another, until one answers well. */
async function ask(
  { servers, clock }: AvailabilityOptions,
  api: RemoteApi,
  signal: AbortSignal,
): Promise<Availability> {
  const call = availabilityCall(api);
  const url = `${originOf(api)}${call.path}`;
  const endMs = clock.monotonic() + attemptsMsMax;
  // Who stands in between may mislead this look, and no more: requests of users are passed on under the trust that the APIService asks for.
  const extension = { ...api, caBundle: '', insecure: true };
  let problem = '';
  for (let attempt = 0; attempt < attemptsMax && !signal.aborted; attempt++) {
    const leftMs = endMs - clock.monotonic();
    if (leftMs <= 0) break;
    try {
      const { status } = await servers.call(extension, { ...call, timeoutMs: Math.min(call.timeoutMs, leftMs) });
      if (status >= 200 && status < 300) return passed;
      problem = `bad status from ${url}: ${status}`;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  }
  return discoveryFailed(`failing or missing response from ${url}: ${problem}`);
}

const conditionOf = ({ status }: APIService): APIServiceCondition | undefined =>
  status?.conditions?.find(({ type }) => type === 'Available');

async function write(
  { client, clock }: AvailabilityOptions,
  object: APIService,
  { status, reason, message }: Availability,
): Promise<void> {
  const before = conditionOf(object);
  if (before?.status === status && before.reason === reason && before.message === message) return;
  const lastTransitionTime =
    before?.status === status && before.lastTransitionTime !== undefined
      ? before.lastTransitionTime
      : formatTime(clock.now());
  const condition: APIServiceCondition = { type: 'Available', status, lastTransitionTime, reason, message };
  const others = object.status?.conditions?.filter(({ type }) => type !== 'Available') ?? [];
  const changed = { ...object, status: { ...object.status, conditions: [condition, ...others] } };
  await client.update(apiServices, changed, { subresource: 'status', fieldManager: 'kube-apiserver' });
}
