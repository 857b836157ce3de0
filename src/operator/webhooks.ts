/**
 * Webhooks of an operator as values: what is asked at which path, and what is answered. No HTTP here (`webhook-server.ts`), so that a test
 * calls `answer` with a review.
 *
 * The forms are admission.k8s.io/v1 AdmissionReview and apiextensions.k8s.io/v1 ConversionReview.
 */
import type { KubeObject } from '../api/object.ts';
import type { UserInfo } from '../api/schema/types/authentication-v1.ts';
import type { Resource } from '../client/client.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { jsonDiff } from './json-diff.ts';

/** What a reviewer sees of a write. */
export interface Write<T> {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** Absent for DELETE. */
  readonly object: T | undefined;
  /** Absent for CREATE. */
  readonly oldObject: T | undefined;
  readonly user: UserInfo;
  readonly namespace: string;
  readonly name: string;
  readonly subResource: string;
  /** Nothing will be stored: reviewers with effects elsewhere leave them. */
  readonly dryRun: boolean;
}

export type Verdict =
  | { readonly kind: 'allow'; readonly warnings?: readonly string[] }
  | { readonly kind: 'deny'; readonly message: string; readonly code?: number; readonly warnings?: readonly string[] };

export const allow = (...warnings: readonly string[]): Verdict => ({ kind: 'allow', warnings });
/** `code` is the HTTP status that the client gets; 403 where absent. */
export const deny = (message: string, code = 403): Verdict => ({ kind: 'deny', message, code });

export interface Webhook {
  /** `/validate-websites`. */
  readonly path: string;
  /** From where it is called: those are told whom to trust. */
  readonly kind: 'validating' | 'mutating' | 'conversion';
  /** The whole answer to a whole review. @throws BadReview */
  answer(review: unknown): Promise<object>;
}

/** The body is no review, or not one for this path. */
export class BadReview extends Error {}

/** Whether a write may be. */
export function validating<T extends KubeObject>(
  resource: Resource<T>,
  review: (write: Write<T>) => Verdict | Promise<Verdict>,
  path = `/validate-${resource.resource}`,
): Webhook {
  const respond = async (write: Write<T>): Promise<object> => verdictResponse(await review(write));
  return { path, kind: 'validating', answer: (body) => admission(body, resource, respond) };
}

/** What a write becomes: the object as it is wanted, or a verdict. The patch is made of the difference. */
export function mutating<T extends KubeObject>(
  resource: Resource<T>,
  change: (write: Write<T> & { readonly object: T }) => T | Verdict | Promise<T | Verdict>,
  path = `/mutate-${resource.resource}`,
): Webhook {
  const respond = async (write: Write<T>): Promise<object> => {
    const { object } = write;
    if (object === undefined) return { allowed: true };
    const wanted = await change({ ...write, object });
    if (isVerdict(wanted)) return verdictResponse(wanted);
    const operations = jsonDiff(object, wanted);
    if (operations.length === 0) return { allowed: true };
    return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') };
  };
  return { path, kind: 'mutating', answer: (body) => admission(body, resource, respond) };
}

const isVerdict = (value: KubeObject | Verdict): value is Verdict => value.kind === 'allow' || value.kind === 'deny';

function verdictResponse(verdict: Verdict): object {
  const warnings = verdict.warnings?.length ? { warnings: verdict.warnings } : {};
  if (verdict.kind === 'allow') return { allowed: true, ...warnings };
  return { allowed: false, status: { code: verdict.code ?? 403, message: verdict.message }, ...warnings };
}

type Fields = Readonly<Record<string, unknown>>;

/** What a reviewer sees is frozen: a change in place would be lost without a word. @throws BadReview */
async function admission<T extends KubeObject>(
  body: unknown,
  resource: Resource<T>,
  respond: (write: Write<T>) => Promise<object>,
): Promise<object> {
  const request = requestOf(body, 'AdmissionReview', 'admission.k8s.io/v1');
  const asked = fieldsOf(request['resource']) ?? resource;
  if ((['group', 'version', 'resource'] as const).some((name) => textOf(asked, name) !== resource[name])) {
    const { group, version } = resource;
    throw new BadReview(
      `this webhook reviews ${resource.resource} of ${group}/${version}: the rules of its configuration must name these`,
    );
  }
  const write: Write<T> = deepFreeze({
    operation: request['operation'] as Write<T>['operation'],
    object: (request['object'] ?? undefined) as T | undefined,
    oldObject: (request['oldObject'] ?? undefined) as T | undefined,
    user: request['userInfo'] ?? {},
    namespace: textOf(request, 'namespace'),
    name: textOf(request, 'name'),
    subResource: textOf(request, 'subResource'),
    dryRun: request['dryRun'] === true,
  });
  const response = { uid: request['uid'], ...(await respond(write)) };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

/** From one version of a kind to another, by way of none other. Metadata may change in labels and annotations only. */
export type Convert = (object: KubeObject, toVersion: string) => KubeObject;

/** Every conversion of one kind. What throws fails the whole request, with its message. */
export function conversion(path: string, convert: Convert): Webhook {
  return {
    path,
    kind: 'conversion',
    answer: async (body) => {
      const request = requestOf(body, 'ConversionReview', 'apiextensions.k8s.io/v1');
      const desired = textOf(request, 'desiredAPIVersion');
      const objects = (request['objects'] ?? []) as readonly KubeObject[];
      const convertOne = (object: KubeObject): KubeObject =>
        object.apiVersion === desired
          ? object
          : { ...convert(object, desired.slice(desired.indexOf('/') + 1)), apiVersion: desired };
      const review = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview' };
      try {
        const convertedObjects = objects.map(convertOne);
        return { ...review, response: { uid: request['uid'], convertedObjects, result: { status: 'Success' } } };
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        return { ...review, response: { uid: request['uid'], result: { status: 'Failure', message } } };
      }
    },
  };
}

/** @throws BadReview */
function requestOf(body: unknown, kind: string, apiVersion: string): Fields {
  const review = fieldsOf(body);
  const request = fieldsOf(review?.['request']);
  if (review?.['kind'] === kind && review['apiVersion'] === apiVersion && typeof request?.['uid'] === 'string') {
    return request;
  }
  throw new BadReview(`the body must be a ${kind} of ${apiVersion} with a request`);
}

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;

function textOf(fields: object, name: string): string {
  const value = (fields as Fields)[name];
  return typeof value === 'string' ? value : '';
}
