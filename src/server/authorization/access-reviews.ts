/**
 * Questions about permissions, as resources: `kubectl auth can-i`, `auth whoami`, and what programs ask before they try. A review is
 * created, answered and forgotten; nothing is stored.
 *
 * Kept true: the answer is that of the authorizer which decides on requests. That somebody may ask about others is no matter of
 * this file: SubjectAccessReviews are permitted, or not, as any create.
 */
import type { KubeObject } from '../../api/object.ts';
import { apiVersionOf, type ResourceInfo } from '../../api/resources.ts';
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
import { badRequest, invalid, notFound } from '../../api/status-error.ts';
import { decodeBody } from '../../registry/decode-body.ts';
import type { ObjectDraft } from '../../registry/draft.ts';
import type { RequestTarget, UserInfo, VirtualResource } from '../../registry/request.ts';
import { accessReviewErrors, type ReviewScope } from './access-review-validation.ts';
import type { Decider, UserRules } from './authorization.ts';
import { questionOf } from './review-spec.ts';

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
      answered<LocalSubjectAccessReview>(({ spec }) => verdict(authorizer, spec, subjectOf(spec))),
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
    async create(target, body, options, admission) {
      const { resource } = target;
      const type = schema.kind(resource);
      if (type === undefined) throw notFound({ group: resource.group, kind: resource.resource, name: '' });
      const expected = { apiVersion: apiVersionOf(resource), kind: resource.kind, type };
      const { draft, warnings } = decodeBody(expected, body, options);
      completeNamespace(draft, target);
      await admission?.mutate(draft);
      checkReview(draft, resource);
      await admission?.validate(draft);
      const status = await answer(draft as KubeObject as T, target);
      return { object: { ...draft, status } as KubeObject, created: true, warnings };
    },
  };
}

/** As upstream completes what it creates. @throws StatusError BadRequest */
function completeNamespace(draft: ObjectDraft, { resource, namespace }: RequestTarget): void {
  if (!resource.namespaced) {
    delete draft.metadata?.namespace;
    return;
  }
  draft.metadata ??= {};
  if (draft.metadata.namespace && draft.metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  draft.metadata.namespace = namespace;
}

const scopes: Readonly<Record<string, ReviewScope>> = {
  selfsubjectaccessreviews: 'self',
  subjectaccessreviews: 'subject',
  localsubjectaccessreviews: 'local',
};

/** @throws StatusError Invalid, in which upstream names no kind */
function checkReview(review: KubeObject, { group, resource }: ResourceInfo): void {
  const scope = scopes[resource];
  if (scope === undefined) return;
  const errors = accessReviewErrors(review, (review as SubjectAccessReview).spec ?? {}, scope);
  if (errors.length > 0) throw invalid({ group, kind: '', name: '' }, errors);
}

async function verdict(
  authorizer: Decider,
  spec: SelfSubjectAccessReviewSpec,
  user: UserInfo,
): Promise<SubjectAccessReviewStatus> {
  const { attributes, problems } = questionOf(spec, user);
  const { allowed, denied, reason, problem } = await authorizer.decide(attributes);
  const evaluationError = [...(problem === undefined ? [] : [problem]), ...problems].join('; ');
  return {
    allowed,
    ...(denied && { denied }),
    ...(reason !== '' && { reason }),
    ...(evaluationError !== '' && { evaluationError }),
  };
}

function subjectOf({ user = '', groups = [], extra, uid }: SubjectAccessReviewSpec): UserInfo {
  return { name: user, groups, ...(extra && { extra }), ...(uid && { uid }) };
}

export function userInfo({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) };
}

function rulesStatus({ rules, problem, incomplete = false }: UserRules): object {
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
    incomplete,
    ...(problem !== undefined && { evaluationError: problem }),
  };
}
