/**
 * For tests: a registry over a memory store, in virtual time, with short names for its verbs; and factories that make a
 * valid object of a kind, so that a test says only what it is about.
 *
 * Not for production: nothing outside of tests imports this file.
 */
import assert from 'node:assert/strict';
import type { JsonObject, JsonValue, KubeObject } from '../api/object.ts';
import { resourceTable } from '../api/resource-table.ts';
import type { ResourceInfo } from '../api/resources.ts';
import { builtinSchema } from '../api/schema/load.ts';
import { hasReason, StatusError, type StatusReason } from '../api/status-error.ts';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { bootstrap } from './bootstrap.ts';
import type { Draft } from './draft.ts';
import { Registry } from './registry.ts';
import type {
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectResult,
  PatchType,
  RequestTarget,
  VirtualResource,
  WatchEvent,
  WatchRequestOptions,
  WatchStream,
  WriteOptions,
} from './request.ts';

/** `pods`, `deployments.apps`, `horizontalpodautoscalers.v1.autoscaling`; the first version served where none is named. */
export function resourceNamed(name: string): ResourceInfo {
  const [resource = '', ...rest] = name.split('.');
  const version = /^v[0-9]/.test(rest[0] ?? '') ? rest.shift() : undefined;
  const group = rest.join('.');
  const found = resourceTable().all.find(
    (info) => info.resource === resource && info.group === group && (version === undefined || info.version === version),
  );
  assert.ok(found, `no resource ${name}`);
  return found;
}

/** The fields that tests look at, whatever the kind: each may be anything, and is there or not as the test says. */
type SeenField =
  | '0'
  | '1'
  | 'a'
  | 'annotations'
  | 'apiVersion'
  | 'app'
  | 'averageUtilization'
  | 'clusterIP'
  | 'clusterIPs'
  | 'code'
  | 'completions'
  | 'conditions'
  | 'containers'
  | 'count'
  | 'creationTimestamp'
  | 'data'
  | 'default'
  | 'defaultMode'
  | 'defaultRequest'
  | 'deletionGracePeriodSeconds'
  | 'deletionTimestamp'
  | 'details'
  | 'emptyDir'
  | 'ephemeralContainers'
  | 'externalTrafficPolicy'
  | 'finalizers'
  | 'generation'
  | 'healthCheckNodePort'
  | 'image'
  | 'imagePullPolicy'
  | 'initContainers'
  | 'involvedObject'
  | 'kind'
  | 'labels'
  | 'limits'
  | 'livenessProbe'
  | 'message'
  | 'metadata'
  | 'metrics'
  | 'name'
  | 'namespace'
  | 'nodeName'
  | 'nodePort'
  | 'note'
  | 'parallelism'
  | 'phase'
  | 'policyTypes'
  | 'ports'
  | 'priority'
  | 'priorityClassName'
  | 'qosClass'
  | 'reason'
  | 'replicas'
  | 'requests'
  | 'resource'
  | 'resources'
  | 'resourceVersion'
  | 'restartPolicy'
  | 'selector'
  | 'selfLink'
  | 'serviceAccountName'
  | 'spec'
  | 'status'
  | 'strategy'
  | 'stringData'
  | 'target'
  | 'targetCPUUtilizationPercentage'
  | 'targetPort'
  | 'template'
  | 'tolerations'
  | 'type'
  | 'uid'
  | 'updateStrategy'
  | 'volumes';

/** An object as JSON, for reading. */
export type Loose = { readonly [Name in SeenField]: Loose };

/** A field that holds a text. */
export function text(value: Loose): string {
  assert.equal(typeof value, 'string');
  return value as unknown as string;
}

export interface Place {
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** What a watch has been sent. */
export interface WatchLog extends WatchStream {
  readonly events: WatchEvent[];
  ended: boolean;
  /** `ADDED a`, `MODIFIED a`, …: types and names. */
  readonly summary: readonly string[];
}

export class TestRegistry {
  readonly clock: VirtualClock;
  readonly store: MemoryStore;
  readonly registry: Registry;

  /** `history` is how many changes the store remembers; or a registry that was made elsewhere. */
  constructor(
    history?: number | Pick<TestRegistry, 'clock' | 'store' | 'registry'>,
    virtualResources?: ReadonlyMap<string, VirtualResource>,
    serviceCidrs?: readonly string[],
  ) {
    if (typeof history === 'object') {
      this.clock = history.clock;
      this.store = history.store;
      this.registry = history.registry;
      return;
    }
    const clock = new VirtualClock();
    this.clock = clock;
    const remembered = history === undefined ? {} : { history: { eventsMax: history } };
    this.store = new MemoryStore({ clock, log: silentLogger, ...remembered });
    this.registry = new Registry({
      store: this.store,
      clock,
      prng: new SeededPrng(1),
      schema: builtinSchema(),
      resources: resourceTable(),
      log: silentLogger,
      ...(virtualResources && { virtualResources }),
      serviceCidrs,
    });
  }

  target(resource: string, place: Place = {}): RequestTarget {
    const info = this.resource(resource);
    const { namespace = info.namespaced ? 'default' : '', name = '', subresource = '' } = place;
    const user = { name: 'tester', groups: ['system:masters'] };
    return { user, resource: info, namespace, name, subresource };
  }

  protected resource(name: string): ResourceInfo {
    return resourceNamed(name);
  }

  async create(resource: string, body: object, options: WriteOptions & Place = {}): Promise<Loose> {
    return (await this.createResult(resource, body, options)).object as unknown as Loose;
  }

  createResult(resource: string, body: object, options: WriteOptions & Place = {}): Promise<ObjectResult> {
    return this.registry.create(this.target(resource, options), body as JsonObject, options);
  }

  async get(resource: string, name: string, place: Place = {}): Promise<Loose> {
    return (await this.registry.get(this.target(resource, { ...place, name }))).object as unknown as Loose;
  }

  /** Undefined where it does not exist. */
  async find(resource: string, name: string, place: Place = {}): Promise<Loose | undefined> {
    try {
      return await this.get(resource, name, place);
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** The name comes from the body. */
  async update(resource: string, body: object, options: WriteOptions & Place = {}): Promise<Loose> {
    const { name = '' } = (body as KubeObject).metadata ?? {};
    const target = this.target(resource, { name, ...options });
    return (await this.registry.update(target, body as JsonObject, options)).object as unknown as Loose;
  }

  async patch(
    resource: string,
    name: string,
    patch: unknown,
    options: WriteOptions & Place & { readonly type?: 'json' | 'merge' | 'strategic' | 'apply' } = {},
  ): Promise<Loose> {
    const type = patchTypes[options.type ?? 'strategic'];
    const target = this.target(resource, { ...options, name });
    return (await this.registry.patch(target, type, patch as JsonValue, options)).object as unknown as Loose;
  }

  async delete(resource: string, name: string, options: DeleteOptions & Place = {}): Promise<Loose> {
    const { namespace, ...rest } = options;
    const place = { name, ...(namespace !== undefined && { namespace }) };
    return (await this.registry.delete(this.target(resource, place), rest)).object as unknown as Loose;
  }

  list(resource: string, options: ListOptions & Place = {}): Promise<ListResult> {
    return this.registry.list(this.target(resource, options), options);
  }

  async names(resource: string, options: ListOptions & Place = {}): Promise<string[]> {
    return (await this.list(resource, options)).objects.map(({ metadata }) => metadata?.name ?? '');
  }

  async watch(resource: string, options: WatchRequestOptions & Place = {}): Promise<WatchLog> {
    const events: WatchEvent[] = [];
    const log = {
      events,
      ended: false,
      cancel: (): void => stream.cancel(),
      get summary(): string[] {
        return events.map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`.trim());
      },
    };
    const sink = { event: (event: WatchEvent) => void events.push(event), end: () => void (log.ended = true) };
    const stream = await this.registry.watch(this.target(resource, options), options, sink);
    return log;
  }
}

const patchTypes: Readonly<Record<'json' | 'merge' | 'strategic' | 'apply', PatchType>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** A registry with what `bootstrap` makes. */
/** @param serviceCidrs where Services' addresses come from; the usual range of IPv4 where absent */
export async function startRegistry(history?: number, serviceCidrs?: readonly string[]): Promise<TestRegistry> {
  const registry = new TestRegistry(history, undefined, serviceCidrs);
  await registry.store.start();
  await bootstrap(registry.registry);
  // Without a token for each pod, tests see the pods that they wrote.
  const optOut = { automountServiceAccountToken: false };
  await registry.patch('serviceaccounts', 'default', optOut, { type: 'merge' });
  return registry;
}

/** Awaits a rejection with `reason` and returns it, for a look at its message. */
export async function rejection(work: Promise<unknown>, reason: StatusReason): Promise<StatusError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof StatusError, String((error as Error).stack));
    assert.equal(error.reason, reason, error.message);
    return error;
  }
  assert.fail(`resolved, where ${reason} was expected`);
}

type Overrides = { readonly metadata?: object; readonly spec?: object; readonly [field: string]: unknown };

function object(
  apiVersion: string,
  kind: string,
  name: string,
  fields: Overrides,
  defaults: Overrides = {},
): Draft<KubeObject> & Overrides {
  const { metadata, spec, ...rest } = fields;
  const made = { apiVersion, kind, ...defaults, ...rest, metadata: { name, ...metadata } };
  const wholeSpec = defaults.spec || spec ? { spec: { ...defaults.spec, ...spec } } : {};
  return { ...made, ...wholeSpec };
}

const container = { name: 'main', image: 'registry.example/app:1' };
const labels = { app: 'web' };
const template = { metadata: { labels }, spec: { containers: [container] } };

/** A request for a certificate in PEM, as the API carries it: `ann` of the group `team`, signed by a key that nobody has. */
export const requestPem = Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----
MIHYMH8CAQAwHTENMAsGA1UECgwEdGVhbTEMMAoGA1UEAwwDYW5uMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEtKUwYd4ZK30OOY0YAKjH4ttsKhUPkFosg8F1XeEW
f5G7DBdkijKpcu6QiqxSti+et4ZGprdbLrsWVRnLfn3ryaAAMAoGCCqGSM49BAMC
A0kAMEYCIQDgfyn/1xzx6Cca7nb843fT2RfVXtppArZrY7ccKMo3WwIhAK58UbMp
aJusYht0+jrKBWDiXTGxo71qIPDWnrt1WM1/
-----END CERTIFICATE REQUEST-----
`).toString('base64');

/** The certificate of an authority, self-signed for the name x, valid until 2126. */
export const authorityPem = `-----BEGIN CERTIFICATE-----
MIIBbjCCARWgAwIBAgIUbQvfV2khE5AvWGhG34pFO8d87T4wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAgFw0yNjExMjExNTMwNTVaGA8yMTI2MTAyODE1MzA1NVow
DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIEVdDrL3A0v
wY3C7d36KezV75KoZhsXICPvuR+pawrCArnnbNLtEz9rNDPQAWyM3Y4chthUF2BX
ybfo8nXKhrijUzBRMB0GA1UdDgQWBBQKSA61Dq9Rahq6nH4qWXPcpootfjAfBgNV
HSMEGDAWgBQKSA61Dq9Rahq6nH4qWXPcpootfjAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0cAMEQCIF+gK/qtjaMO7EXCmKT53GOS2JC3UGXfEg/JLkzTMbOX
AiBBmVhwol17jqq5q6wurLfhnNMHuRj1bjaZ14wlOok2gg==
-----END CERTIFICATE-----
`;

/** Valid objects; what is given goes over the defaults, in `spec` field by field. */
export const make = {
  pod: (fields: Overrides = {}, name = 'pod') =>
    object('v1', 'Pod', name, fields, { spec: { containers: [container] } }),
  deployment: (fields: Overrides = {}, name = 'web') =>
    object('apps/v1', 'Deployment', name, fields, { spec: { selector: { matchLabels: labels }, template } }),
  replicaSet: (fields: Overrides = {}, name = 'web') =>
    object('apps/v1', 'ReplicaSet', name, fields, { spec: { selector: { matchLabels: labels }, template } }),
  statefulSet: (fields: Overrides = {}, name = 'db') =>
    object('apps/v1', 'StatefulSet', name, fields, {
      spec: { selector: { matchLabels: labels }, serviceName: 'db', template },
    }),
  daemonSet: (fields: Overrides = {}, name = 'agent') =>
    object('apps/v1', 'DaemonSet', name, fields, { spec: { selector: { matchLabels: labels }, template } }),
  job: (fields: Overrides = {}, name = 'once') =>
    object('batch/v1', 'Job', name, fields, {
      spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } },
    }),
  cronJob: (fields: Overrides = {}, name = 'nightly') =>
    object('batch/v1', 'CronJob', name, fields, {
      spec: {
        schedule: '0 3 * * *',
        jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } },
      },
    }),
  service: (fields: Overrides = {}, name = 'web') =>
    object('v1', 'Service', name, fields, { spec: { selector: labels, ports: [{ port: 80 }] } }),
  configMap: (fields: Overrides = {}, name = 'config') => object('v1', 'ConfigMap', name, fields),
  secret: (fields: Overrides = {}, name = 'secret') => object('v1', 'Secret', name, fields),
  namespace: (fields: Overrides = {}, name = 'team') => object('v1', 'Namespace', name, fields),
  node: (fields: Overrides = {}, name = 'n1') => object('v1', 'Node', name, fields),
  claim: (fields: Overrides = {}, name = 'data') =>
    object('v1', 'PersistentVolumeClaim', name, fields, {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }),
};
