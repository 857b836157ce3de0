/**
 * `serviceaccounts/NAME/token`: a token on demand, for a time, for an audience, and, if wanted, only as long as a pod, secret or node
 * is there. Nothing is stored.
 *
 * Kept true: nobody gets a token that is bound to another object than the one meant, nor for another account of the same name. What
 * nodes may ask for is admission's (`registry/admission/node-tokens.ts`).
 */
import { invalidValue } from '../../api/field-error.ts';
import type { KubeObject } from '../../api/object.ts';
import type { SchemaRegistry } from '../../api/schema/schema.ts';
import type { BoundObjectReference, TokenRequest } from '../../api/schema/types/authentication-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { badRequest, conflict, invalid, notFound } from '../../api/status-error.ts';
import { type Clock, formatTime } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { type Prng, uuid } from '../../lib/prng.ts';
import { decodeBody } from '../../registry/decode-body.ts';
import type { ObjectDraft } from '../../registry/draft.ts';
import type { RequestTarget, VirtualResource } from '../../registry/request.ts';
import type { Store } from '../../store/store.ts';
import { credentialIdOf, newClaims, type Reference, referenceTo, type TokenSubject } from './claims.ts';
import type { ServiceAccountTokens, TokenSettings } from './tokens.ts';

export interface TokenRequestsOptions {
  readonly tokens: ServiceAccountTokens;
  readonly store: Pick<Store, 'get'>;
  readonly schema: SchemaRegistry;
  readonly clock: Clock;
  readonly prng: Prng;
}

/** Pods ask for tokens of this life, and old programs never read them again: they hold for a year, and warn after an hour. */
const extendedRequestSeconds = 3607;
const defaultSeconds = 3600;

const kind = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } as const;

export function tokenRequests(options: TokenRequestsOptions): VirtualResource {
  const { tokens, store, schema, clock, prng } = options;
  const type = schema.kind(kind);
  if (type === undefined) throw new Error('the schema holds no TokenRequest');
  const expected = { apiVersion: 'authentication.k8s.io/v1', kind: kind.kind, type };
  return {
    async create(target, body, writing, admission) {
      const { draft, warnings } = decodeBody(expected, body, writing);
      setDefaults(draft);
      await admission?.mutate(draft);
      const { namespace, name } = target;
      checkNames(draft, target);
      const account = store.get({ collection: 'serviceaccounts', namespace, name })?.object;
      if (account === undefined) throw notFound({ group: '', kind: 'serviceaccounts', name });
      const nowMs = clock.now();
      complete(draft, account, tokens, nowMs);
      checkExpiration((draft as TokenRequest).spec?.expirationSeconds ?? 0);
      await admission?.validate(draft);
      const wanted = (draft as TokenRequest).spec as Spec;
      const subject: TokenSubject = { account, ...boundTo(target, wanted.boundObjectRef, store) };
      const { spec, shortened } = withinBound(wanted, tokens.settings);
      const terms = { ...termsOf(spec, subject, tokens), id: uuid(prng), nowMs };
      const claims = newClaims(subject, terms);
      const token = writing.dryRun ? '' : await tokens.sign(claims);
      writing.annotate?.('authentication.kubernetes.io/issued-credential-id', credentialIdOf(terms.id));
      // Whoever keeps to the time asked for renews in time; the extension is for those who do not.
      const expirationTimestamp = formatTime((claims.iat + spec.expirationSeconds) * 1000);
      const object: KubeObject = { ...draft, spec, status: { token, expirationTimestamp } } as KubeObject;
      return { object, created: true, warnings: [...warnings, ...shortened] };
    },
  };
}

type Spec = NonNullable<TokenRequest['spec']> & { readonly expirationSeconds: number };

function setDefaults(draft: ObjectDraft): void {
  const spec = (draft['spec'] ?? {}) as Record<string, unknown>;
  draft['spec'] = { ...spec, expirationSeconds: spec['expirationSeconds'] ?? defaultSeconds };
}

/** @throws StatusError Invalid */
function checkNames({ metadata = {} }: ObjectDraft, { namespace, name }: RequestTarget): void {
  const refuse = (field: string, value: string): Error =>
    invalid({ ...kind, name }, [
      invalidValue(`metadata.${field}`, value, `must match the service account ${field} if specified`),
    ]);
  if (metadata.name && metadata.name !== name) throw refuse('name', metadata.name);
  if (metadata.namespace && metadata.namespace !== namespace) throw refuse('namespace', metadata.namespace);
}

/** What the server says of it, not the client. @throws StatusError Conflict where another account is meant */
function complete(draft: ObjectDraft, account: KubeObject, tokens: ServiceAccountTokens, nowMs: number): void {
  const { namespace = '', name = '', uid = '' } = account.metadata ?? {};
  const asked = draft.metadata?.uid;
  if (asked && asked !== uid) {
    const why = `the UID in the token request (${asked}) does not match the UID of the service account (${uid})`;
    throw conflict({ group: kind.group, kind: kind.kind, name }, why);
  }
  draft.metadata = { ...draft.metadata, name, namespace, uid, creationTimestamp: formatTime(nowMs) };
  const spec = draft['spec'] as Record<string, unknown>;
  const audiences = spec['audiences'] as readonly string[] | undefined;
  if (!audiences?.length) spec['audiences'] = [...tokens.audiences];
  delete draft['status'];
}

const extendedSeconds = ({ maxExpirationSeconds = Number.POSITIVE_INFINITY }: TokenSettings): number =>
  Math.min(limits.podTokenMsMax / 1000, maxExpirationSeconds);

/** What the cluster's operator allows, with a warning where it is less than what was asked for. */
function withinBound(
  spec: Spec,
  { maxExpirationSeconds: most = Number.POSITIVE_INFINITY }: TokenSettings,
): { readonly spec: Spec; readonly shortened: readonly string[] } {
  const asked = spec.expirationSeconds;
  if (asked <= most) return { spec, shortened: [] };
  const warning = `requested expiration of ${asked} seconds shortened to ${most} seconds`;
  return { spec: { ...spec, expirationSeconds: most }, shortened: [warning] };
}

function termsOf({ audiences = [], expirationSeconds }: Spec, { pod }: TokenSubject, tokens: ServiceAccountTokens) {
  const isForApi = audiences.every((audience) => tokens.audiences.includes(audience));
  const mayExtend = !tokens.settings.withoutExtension && pod !== undefined;
  const isExtended = mayExtend && expirationSeconds === extendedRequestSeconds && isForApi;
  return {
    issuer: tokens.issuer,
    audiences,
    expirationSeconds: isExtended ? extendedSeconds(tokens.settings) : expirationSeconds,
    warnAfterSeconds: isExtended ? expirationSeconds : 0,
  };
}

/** @throws StatusError Invalid */
function checkExpiration(seconds: number): void {
  const problem =
    seconds < limits.tokenSecondsMin
      ? 'may not specify a duration less than 10 minutes'
      : seconds > limits.tokenSecondsMax
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (problem === undefined) return;
  throw invalid({ ...kind, name: '' }, [invalidValue('spec.expirationSeconds', seconds, problem)]);
}

type Objects = Pick<Store, 'get'>;

/** @throws StatusError BadRequest, NotFound, Conflict */
function boundTo(
  target: RequestTarget,
  reference: BoundObjectReference | undefined,
  store: Objects,
): Omit<TokenSubject, 'account'> {
  if (reference === undefined) return {};
  const { apiVersion = '', kind = '', name = '' } = reference;
  const bindable = apiVersion.includes('/') ? undefined : collections.get(kind);
  if (bindable === undefined)
    throw badRequest(`cannot bind token to object of type ${groupVersionKind(apiVersion, kind)}`);
  const namespace = bindable === 'nodes' ? '' : target.namespace;
  const object = store.get({ collection: bindable, namespace, name })?.object;
  if (object === undefined) throw notFound({ group: '', kind: bindable, name });
  if (bindable === 'pods') checkPodAccount(object, target.name);
  const { uid } = object.metadata ?? {};
  if (reference.uid && reference.uid !== uid) {
    const why =
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. ` +
      'The object might have been deleted and then recreated';
    throw conflict({ group: '', kind, name }, why);
  }
  if (bindable === 'secrets') return { secret: object };
  if (bindable === 'nodes') return { node: referenceTo(object) };
  const node = nodeOfPod(object, store);
  return { pod: object, ...(node && { node }) };
}

const collections: ReadonlyMap<string, 'pods' | 'secrets' | 'nodes'> = new Map([
  ['Pod', 'pods'],
  ['Secret', 'secrets'],
  ['Node', 'nodes'],
]);

/** As Go prints one. */
function groupVersionKind(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`;
}

function checkPodAccount(pod: Pod, account: string): void {
  const own = pod.spec?.serviceAccountName ?? '';
  if (own === account) return;
  // Not with which: whoever asks need not be allowed to see the pod.
  throw badRequest(
    `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
  );
}

function nodeOfPod({ spec }: Pod, store: Objects): Reference | undefined {
  const name = spec?.nodeName ?? '';
  if (name === '') return undefined;
  const node = store.get({ collection: 'nodes', namespace: '', name })?.object;
  return node === undefined ? { name } : referenceTo(node);
}
