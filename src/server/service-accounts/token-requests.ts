/**
 * `serviceaccounts/NAME/token`: a token on demand, for a time, for an audience, and, if wanted, only as long as a pod, secret or node
 * is there. Nothing is stored.
 *
 * Kept true: nobody gets a token that is bound to another object than the one meant; a node gets tokens only for pods that run on
 * it (upstream's NodeRestriction).
 */
import { invalidValue } from '../../api/field-error.ts';
import type { KubeObject } from '../../api/object.ts';
import type { SchemaRegistry } from '../../api/schema/schema.ts';
import type { BoundObjectReference, TokenRequest } from '../../api/schema/types/authentication-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { badRequest, conflict, forbidden, invalid, notFound } from '../../api/status-error.ts';
import { type Clock, formatTime } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { type Prng, uuid } from '../../lib/prng.ts';
import { decodeBody } from '../../registry/decode-body.ts';
import { checkNames } from '../../registry/metadata.ts';
import type { RequestTarget, VirtualResource } from '../../registry/request.ts';
import type { Store } from '../../store/store.ts';
import { nodeNameOf } from '../authorization/authorization.ts';
import { newClaims, type Reference, referenceTo, type TokenSubject } from './claims.ts';
import type { ServiceAccountTokens } from './tokens.ts';

export interface TokenRequestsOptions {
  readonly tokens: ServiceAccountTokens;
  readonly store: Pick<Store, 'get'>;
  readonly schema: SchemaRegistry;
  readonly clock: Clock;
  readonly prng: Prng;
}

/** Pods ask for tokens of this life, and old programs never read them again: they hold for a year, and warn after an hour. */
const extendedRequestSeconds = 3607;
const extensionSeconds = 365 * 24 * 60 * 60;

export function tokenRequests(options: TokenRequestsOptions): VirtualResource {
  const { tokens, store, schema, clock, prng } = options;
  const kind = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
  const type = schema.kind(kind);
  if (type === undefined) throw new Error('the schema holds no TokenRequest');
  return {
    async create(target, body, writing) {
      const account = store.get({
        collection: 'serviceaccounts',
        namespace: target.namespace,
        name: target.name,
      })?.object;
      const expected = { apiVersion: 'authentication.k8s.io/v1', kind: kind.kind, type };
      const { draft, warnings } = decodeBody(expected, body, writing);
      checkNames(draft, target);
      const request = draft as unknown as TokenRequest;
      if (account === undefined) throw notFound({ group: '', kind: 'serviceaccounts', name: target.name });
      checkUid(request, account, target.name);
      const spec = { expirationSeconds: 3600, ...request.spec };
      checkExpiration(spec.expirationSeconds);
      checkNode(target, spec.boundObjectRef, store);
      const subject: TokenSubject = { account, ...boundTo(target, spec.boundObjectRef, store) };
      const audiences = spec.audiences?.length ? spec.audiences : tokens.audiences;
      const nowMs = clock.now();
      const isExtended =
        subject.pod !== undefined &&
        spec.expirationSeconds === extendedRequestSeconds &&
        audiences.every((audience) => tokens.audiences.includes(audience));
      const claims = newClaims(subject, {
        issuer: tokens.issuer,
        audiences,
        expirationSeconds: isExtended ? extensionSeconds : spec.expirationSeconds,
        warnAfterSeconds: isExtended ? spec.expirationSeconds : 0,
        id: uuid(prng),
        nowMs,
      });
      const token = writing.dryRun ? '' : await tokens.sign(claims);
      // Whoever keeps to the time asked for renews in time; the extension is for those who do not.
      const expirationTimestamp = formatTime((claims.iat + spec.expirationSeconds) * 1000);
      const { namespace = '', name = '' } = account.metadata ?? {};
      const metadata = { ...request.metadata, name, namespace, creationTimestamp: formatTime(nowMs) };
      const status = { token, expirationTimestamp };
      const object: KubeObject = { ...draft, metadata, spec: { ...spec, audiences }, status } as KubeObject;
      return { object, created: true, warnings };
    },
  };
}

/** @throws StatusError Conflict */
function checkUid({ metadata }: TokenRequest, account: KubeObject, name: string): void {
  const { uid } = account.metadata ?? {};
  if (!metadata?.uid || metadata.uid === uid) return;
  const why = `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`;
  throw conflict({ group: '', kind: 'serviceaccounts', name }, why);
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
  const subject = { group: 'authentication.k8s.io', kind: 'TokenRequest', name: '' };
  throw invalid(subject, [invalidValue('spec.expirationSeconds', seconds, problem)]);
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
  const bindable = apiVersion === 'v1' ? collections.get(kind) : undefined;
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
  throw badRequest(
    `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with serviceaccount ${JSON.stringify(own)}`,
  );
}

function nodeOfPod({ spec }: Pod, store: Objects): Reference | undefined {
  const name = spec?.nodeName ?? '';
  if (name === '') return undefined;
  const node = store.get({ collection: 'nodes', namespace: '', name })?.object;
  return node === undefined ? { name } : referenceTo(node);
}

/** @throws StatusError Forbidden where a node asks for what none of its pods needs */
function checkNode(
  { user, namespace, name }: RequestTarget,
  reference: BoundObjectReference | undefined,
  store: Objects,
): void {
  const node = user.groups.includes('system:nodes') ? nodeNameOf(user.name) : '';
  if (node === '') return;
  const refuse = (why: string): Error => forbidden({ group: '', kind: 'serviceaccounts', name }, why);
  if (reference?.apiVersion !== 'v1' || reference.kind !== 'Pod' || !reference.name) {
    throw refuse('node requested token not bound to a pod');
  }
  if (!reference.uid) throw refuse('node requested token with a pod binding without a uid');
  const pod: Pod | undefined = store.get({ collection: 'pods', namespace, name: reference.name })?.object;
  if (pod === undefined) throw refuse(`pods "${reference.name}" not found`);
  if (pod.metadata?.uid !== reference.uid) {
    const why = `the UID in the bound object reference (${reference.uid}) does not match the UID in record. `;
    throw refuse(`${why}The object might have been deleted and then recreated`);
  }
  if (pod.spec?.nodeName !== node) throw refuse('node requested token bound to a pod scheduled on a different node');
}
