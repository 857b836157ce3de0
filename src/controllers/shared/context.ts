/** What every control loop is made from. */
import type { CertificateSigner } from '../../api/certificates/signing.ts';
import type { KubeObject, ObjectReference } from '../../api/object.ts';
import type { ResourceInfo } from '../../api/resources.ts';
import type { SchemaRegistry } from '../../api/schema/schema.ts';
import type { Client } from '../../client/client.ts';
import { withDeadlines } from '../../client/deadlines.ts';
import { EventRecorder } from '../../client/events.ts';
import type { InformerSet } from '../../client/informer.ts';
import type { RemoteContents } from '../../client/remote-contents.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { MetricRegistry } from '../../lib/metrics.ts';
import type { Prng } from '../../lib/prng.ts';

/** The part of `ResourceTable` that control loops need. */
export interface ResourceList {
  readonly all: Iterable<ResourceInfo>;
}

export interface ControllerContext {
  readonly client: Client;
  /** One client per loop, each with the service account that upstream gives it (ARCHITECTURE.md, D9); `client` where absent. */
  readonly clientFor?: (serviceAccount: string) => Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly resources: ResourceList;
  /** What servers that extend the API hold. Absent: there are none. */
  readonly remoteContents?: RemoteContents;
  /** What all kinds are made of. Absent: nobody checks the types of policies' expressions. */
  readonly schema?: SchemaRegistry;
  /** The cluster's CA certificate (PEM), which pods trust the API server by. */
  readonly rootCa: string;
  /** Signs the token of a Secret for its account. Absent: nobody signs, and such Secrets stay empty. */
  readonly signAccountToken?: (account: KubeObject, secret: KubeObject) => Promise<string>;
  /** Makes certificates by the cluster's authority. Absent: there is none, and the loops about it do not run. */
  readonly signer?: CertificateSigner;
  /** Removes a folder of the machine that runs pods. Absent: nobody reaches it from here. */
  readonly removeHostPath?: (path: string) => Promise<void>;
  /** Removes what a volume of `naru.io/local` kept on a node. Absent: nobody reaches nodes from here. */
  readonly removeLocalVolume?: (node: string, volume: string) => Promise<void>;
  /** The ranges of pods' addresses, one of a family. Absent: nodes bring theirs along. */
  readonly clusterCidrs?: readonly string[];
  /** What is counted about the loops' queues goes here. */
  readonly metrics?: MetricRegistry;
  /** The loops' recorders, for whoever ends them; `contextFor` puts them here. */
  readonly recorders?: Set<EventRecorder>;
}

/** The context with the client, whose every call ends, and the events of one loop. */
export interface LoopContext extends ControllerContext {
  readonly events: EventRecorder;
}

/** `component`: who its events come from, where upstream calls that otherwise than the account. */
export function contextFor(
  context: ControllerContext,
  serviceAccount: string,
  component: string = serviceAccount,
): LoopContext {
  const { clock, log } = context;
  const client = withDeadlines(context.clientFor?.(serviceAccount) ?? context.client, clock);
  const events = new EventRecorder({ client, clock, log, component });
  context.recorders?.add(events);
  return { ...context, client, events };
}

export const uidOf = (object: KubeObject): string => object.metadata?.uid ?? '';
export const nameOf = (object: KubeObject): string => object.metadata?.name ?? '';
export const namespaceOf = (object: KubeObject): string => object.metadata?.namespace ?? '';
export const isDeleting = (object: KubeObject): boolean => object.metadata?.deletionTimestamp !== undefined;
export const createdMs = (object: KubeObject): number => timeMs(object.metadata?.creationTimestamp);

export const referenceOf = (object: KubeObject): ObjectReference => ({
  namespace: namespaceOf(object),
  name: nameOf(object),
});

/** Milliseconds since the epoch; 0 where there is no time. */
export const timeMs = (time: string | undefined): number => (time === undefined ? 0 : Date.parse(time));
