/**
 * Questions about permissions, as resources: `kubectl auth can-i`, `auth whoami`, and what programs ask before they try. A review is
 * created, answered and forgotten; nothing is stored.
 *
 * Kept true: the answer is that of the authorizer which decides on requests. That somebody may ask about others is no matter of
 * this file: SubjectAccessReviews are permitted, or not, as any create.
 */
import { invalidValue } from '../../api/field-error.ts';
import type { JsonObject, KubeObject } from '../../api/object.ts';
import { apiVersionOf, groupResource } from '../../api/resources.ts';
import type { SchemaRegistry } from '../../api/schema/schema.ts';
import type { SelfSubjectReview } from '../../api/schema/types/authentication-v1.ts';
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectAccessReviewSpec,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from '../../api/schema/types/authorization-v1.ts';
import { badRequest, type FieldError, invalid, notFound } from '../../api/status-error.ts';
import { decodeBody } from '../../registry/decode-body.ts';
import type { AuthorizationAttributes, RequestTarget, UserInfo, VirtualResource } from '../../registry/request.ts';
import type { Decider, UserRules } from './authorization.ts';

export interface AccessReviewOptions {
  readonly authorizer: Decider;
  readonly schema: SchemaRegistry;
}

/** For the registry's `virtualResources`. */
export function accessReviews({ authorizer, schema }: AccessReviewOptions): ReadonlyMap<string, VirtualResource> {
  const answered = <T extends KubeObject>(answer: (review: T, target: RequestTarget) => Promise<object>) =>
    reviewOf(schema, answer);
  return new Map([
    [
      'selfsubjectaccessreviews.authorization.k8s.io',
      answered<SelfSubjectAccessReview>(({ spec }, { user }) => verdict(authorizer, spec, user)),
    ],
    [
      'subjectaccessreviews.authorization.k8s.io',
      answered<SubjectAccessReview>(({ spec }) => verdict(authorizer, spec, subjectOf(spec))),
    ],
    [
      'localsubjectaccessreviews.authorization.k8s.io',
      answered<LocalSubjectAccessReview>(async ({ spec }, target) => {
        checkNamespace(spec, target);
        return verdict(authorizer, spec, subjectOf(spec));
      }),
    ],
    [
      'selfsubjectrulesreviews.authorization.k8s.io',
      answered<SelfSubjectRulesReview>(async ({ spec }, { user }) => {
        if (!spec?.namespace) throw badRequest('no namespace on request');
        return rulesStatus(authorizer.rulesFor(user, spec.namespace));
      }),
    ],
    [
      'selfsubjectreviews.authentication.k8s.io',
      answered<SelfSubjectReview>(async (_review, { user }) => ({ userInfo: userInfo(user) })),
    ],
  ]);
}

/** Decodes the review and sends it back with its status. */
export function reviewOf<T extends KubeObject>(
  schema: SchemaRegistry,
  answer: (review: T, target: RequestTarget) => Promise<object>,
): VirtualResource {
  return {
    async create(target, body, options) {
      const { resource } = target;
      const type = schema.kind(resource);
      if (type === undefined) throw notFound({ group: resource.group, kind: resource.resource, name: '' });
      const expected = { apiVersion: apiVersionOf(resource), kind: resource.kind, type };
      const { draft, warnings } = decodeBody(expected, body, options);
      const errors = reviewErrors(draft as JsonObject, groupResource(resource));
      if (errors.length > 0) throw invalid({ group: resource.group, kind: resource.kind, name: '' }, errors);
      const status = await answer(draft as KubeObject as T, target);
      return { object: { ...draft, status } as KubeObject, created: true, warnings };
    },
  };
}

/** Access reviews ask one question: about a resource or about a path. */
function reviewErrors(review: JsonObject, resource: string): FieldError[] {
  if (!resource.includes('accessreviews')) return [];
  const { resourceAttributes, nonResourceAttributes, user, groups } = (review['spec'] ?? {}) as SubjectAccessReviewSpec;
  const errors: FieldError[] = [];
  if (resourceAttributes && nonResourceAttributes) {
    const why = 'cannot be specified in combination with resourceAttributes';
    errors.push(invalidValue('spec.nonResourceAttributes', nonResourceAttributes, why));
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    errors.push(invalidValue('spec.resourceAttributes', null, why));
  }
  if (!resource.startsWith('self') && !user && !groups?.length) {
    errors.push(invalidValue('spec.user', '', 'at least one of user or group must be specified'));
  }
  return errors;
}

function checkNamespace({ resourceAttributes }: SubjectAccessReviewSpec, { namespace }: RequestTarget): void {
  const asked = resourceAttributes?.namespace ?? '';
  if (asked !== namespace) {
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: expected "${namespace}", got "${asked}"`);
  }
}

async function verdict(
  authorizer: Decider,
  spec: SelfSubjectAccessReviewSpec,
  user: UserInfo,
): Promise<SubjectAccessReviewStatus> {
  const { allowed, denied, reason } = await authorizer.decide(attributesOf(spec, user));
  return { allowed, ...(denied && { denied }), ...(reason !== '' && { reason }) };
}

function attributesOf(spec: SelfSubjectAccessReviewSpec, user: UserInfo): AuthorizationAttributes {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const { verb = '', group = '', version = '', resource = '', subresource = '' } = resourceAttributes ?? {};
  const { namespace = '', name = '' } = resourceAttributes ?? {};
  const what = { user, group, version, resource, subresource, namespace, name };
  if (resourceAttributes) return { ...what, verb, path: '' };
  return { ...what, verb: nonResourceAttributes?.verb ?? '', path: nonResourceAttributes?.path ?? '' };
}

function subjectOf({ user = '', groups = [], extra, uid }: SubjectAccessReviewSpec): UserInfo {
  return { name: user, groups, ...(extra && { extra }), ...(uid && { uid }) };
}

export function userInfo({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) };
}

function rulesStatus({ rules, problem }: UserRules): object {
  const resourceRules = rules.filter(({ resources }) => resources?.length);
  return {
    resourceRules: resourceRules.map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      ...(apiGroups?.length && { apiGroups }),
      resources,
      ...(resourceNames?.length && { resourceNames }),
    })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
    ...(problem !== undefined && { evaluationError: problem }),
  };
}
