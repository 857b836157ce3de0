/**
 * For tests: a registry whose webhooks are functions here. A webhook is called by the URL of its configuration, `https://NAME.test/`, and
 * answers what its function says.
 *
 * Not for production: nothing outside of tests imports this file.
 */
import type { JsonObject, JsonValue } from '../../../api/object.ts';
import { type ResourceTable, resourceTable } from '../../../api/resource-table.ts';
import { builtinSchema } from '../../../api/schema/load.ts';
import type { SchemaRegistry } from '../../../api/schema/schema.ts';
import type { AdmissionRequest, AdmissionResponse } from '../../../api/schema/types/admission-v1.ts';
import { silentLogger } from '../../../lib/log.ts';
import { MetricRegistry } from '../../../lib/metrics.ts';
import { SeededPrng } from '../../../lib/prng.ts';
import { bootstrap } from '../../bootstrap.ts';
import { type OutsideCaller, OutsideFault, type OutsideOptions, type OutsideTarget } from '../../outside.ts';
import { Registry } from '../../registry.ts';
import type { Authorizer } from '../../request.ts';
import { TestRegistry } from '../../testing.ts';
import { admissionPlugins } from '../plugins.ts';

/** What a webhook says of a request; `uid` is filled in. */
export type Answer = Omit<AdmissionResponse, 'uid' | 'patch'> & { readonly patch?: readonly JsonObject[] };
export type Webhook = (request: AdmissionRequest, review: JsonObject) => Answer | Promise<Answer>;

export const allow: Answer = { allowed: true };

export interface Call {
  readonly webhook: string;
  readonly request: Required<AdmissionRequest>;
  readonly options: OutsideOptions;
}

/** Answers by the host's first label; whole answers, right or wrong, where `raw` has one. */
export class FakeOutside implements OutsideCaller {
  readonly webhooks = new Map<string, Webhook>();
  readonly raw = new Map<string, (review: JsonObject) => JsonObject | Promise<JsonObject>>();
  readonly calls: Call[] = [];
  isOpen = true;

  async post({ url = '' }: OutsideTarget, review: JsonObject, options: OutsideOptions): Promise<JsonObject> {
    const webhook = new URL(url).hostname.split('.')[0] ?? '';
    // As over the wire.
    const sent = JSON.parse(JSON.stringify(review)) as JsonObject;
    const request = sent['request'] as unknown as Required<AdmissionRequest>;
    this.calls.push({ webhook, request, options });
    const raw = this.raw.get(webhook);
    if (raw !== undefined) return raw(sent);
    const answer = this.webhooks.get(webhook);
    if (answer === undefined) {
      throw new OutsideFault(`Post "${url}?timeout=10s": dial tcp 127.0.0.1:443: connect: connection refused`);
    }
    return reviewWith(request, sent['apiVersion'] as string, await answer(request, sent));
  }

  /** `create pods/web`, in the order in which they were asked. */
  get asked(): readonly string[] {
    return this.calls.map(({ webhook, request }) => `${webhook}: ${request.operation} ${request.resource.resource}`);
  }
}

function reviewWith({ uid }: AdmissionRequest, apiVersion: string, { patch, ...answer }: Answer): JsonObject {
  const encoded = patch && {
    patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    patchType: answer.patchType ?? 'JSONPatch',
  };
  return {
    kind: 'AdmissionReview',
    apiVersion,
    response: { uid, ...answer, ...encoded } as unknown as JsonValue,
  };
}

export interface WebhookRegistryOptions {
  readonly authorizer?: Authorizer;
  readonly resources?: ResourceTable;
  readonly schema?: SchemaRegistry;
}

/** A registry with the usual plugins and `outside`. */
export class WebhookRegistry extends TestRegistry {
  readonly outside = new FakeOutside();
  readonly metrics = new MetricRegistry();
  override readonly registry: Registry;

  constructor({ authorizer, resources = resourceTable(), schema = builtinSchema() }: WebhookRegistryOptions = {}) {
    super();
    const { store, clock, outside, metrics } = this;
    const common = { store, clock, prng: new SeededPrng(1), log: silentLogger, outside };
    const admission = admissionPlugins({ ...common, authorizer, metrics });
    this.registry = new Registry({ ...common, schema, resources, admission });
  }

  static async start(options: WebhookRegistryOptions = {}): Promise<WebhookRegistry> {
    const registry = new WebhookRegistry(options);
    await registry.store.start();
    await bootstrap(registry.registry);
    await registry.patch('serviceaccounts', 'default', { automountServiceAccountToken: false }, { type: 'merge' });
    return registry;
  }

  /** Declares a webhook in a configuration of its own, whose name is the webhook's, and says what it answers. */
  async mutating(name: string, webhook: Webhook, fields: object = {}): Promise<void> {
    await this.#declare('Mutating', name, webhook, fields);
  }

  async validating(name: string, webhook: Webhook, fields: object = {}): Promise<void> {
    await this.#declare('Validating', name, webhook, fields);
  }

  async #declare(kind: 'Mutating' | 'Validating', name: string, webhook: Webhook, fields: object): Promise<void> {
    this.outside.webhooks.set(name, webhook);
    await this.create(`${kind.toLowerCase()}webhookconfigurations.admissionregistration.k8s.io`, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: `${kind}WebhookConfiguration`,
      metadata: { name },
      webhooks: [hook(name, fields)],
    });
  }
}

/** A webhook as a configuration declares it: for everything that is created, unless `fields` say otherwise. */
export function hook(name: string, fields: object = {}): JsonObject {
  return {
    name: `${name}.example.com`,
    clientConfig: { url: `https://${name}.test/` },
    rules: [rule(['*'])],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...fields,
  };
}

/** For these resources of the core group. */
export function rule(resources: readonly string[], fields: object = {}): JsonObject {
  const given = { apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE'], resources, ...fields };
  return given as unknown as JsonObject;
}

/** What is said to all that is refused. */
export const denied = (message: string): Answer => ({ allowed: false, status: { message } });

/** An entry more in a ConfigMap. */
export const addData = (key: string, value: string): Answer => ({
  allowed: true,
  patch: [{ op: 'add', path: `/data/${key}`, value }],
});

export const onPods = { rules: [rule(['pods'], { operations: ['CREATE', 'UPDATE'] })] };
export const onMaps = { rules: [rule(['configmaps'], { operations: ['*'] })] };

export const map = (name: string, data: object = {}, metadata: object = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data: { ...data },
});
