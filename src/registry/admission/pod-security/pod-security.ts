/**
 * Upstream's PodSecurity: pods have to keep the Pod Security Standard of their namespace (KEP-2579).
 *
 * ```
 *  namespace   create, update ─▶ its labels must be readable; a stricter level is held against its pods, as warnings
 *  pod         create, update, ephemeralcontainers, resize ─▶ enforce: 403; audit: a note; warn: a warning
 *  controller  create, update ─▶ audit and warn, for its template: its pods are refused later, and nobody would see why
 *      exempt, by user, namespace or runtime class ─▶ nothing
 * ```
 * Kept true: a policy that is `privileged` in all modes costs one look-up; the policy of a namespace is read from its labels once; an update
 * that leaves all images and the set of containers as they were asks nothing, so that older pods can be labelled, finished and deleted.
 */
import type { Namespace, Pod, PodSpec, PodTemplateSpec } from '../../../api/schema/types/core-v1.ts';
import { forbidden, internalError, invalid } from '../../../api/status-error.ts';
import type { MetricRegistry } from '../../../lib/metrics.ts';
import { sameJson } from '../../draft.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { errorText } from '../settings-reading.ts';
import { countEvaluations, type Evaluations } from './evaluations.ts';
import { warningsOfExistingPods } from './existing-pods.ts';
import {
  compareLevels,
  isEquivalent,
  isPrivileged,
  type Labels,
  type LevelVersion,
  levelVersionText,
  type Mode,
  modes,
  prefix,
  type ReadPolicy,
  readPolicy,
  sameLevelVersion,
} from './policy.ts';
import { defaultPodSecuritySettings, type PodSecuritySettings } from './settings.ts';
import { detailsOf, evaluate } from './standards.ts';
import { subjectOf, type Violation } from './subject.ts';

/** Any other subresource carries a whole pod. */
const ignoredPodSubresources = new Set([
  'exec',
  'attach',
  'binding',
  'eviction',
  'log',
  'portforward',
  'proxy',
  'status',
]);

/** Where the template of pods stands in what makes pods. */
const templatePaths: Readonly<Record<string, readonly string[]>> = {
  podtemplates: ['template'],
  replicationcontrollers: ['spec', 'template'],
  'replicasets.apps': ['spec', 'template'],
  'deployments.apps': ['spec', 'template'],
  'statefulsets.apps': ['spec', 'template'],
  'daemonsets.apps': ['spec', 'template'],
  'jobs.batch': ['spec', 'template'],
  'cronjobs.batch': ['spec', 'jobTemplate', 'spec', 'template'],
};

const noLabels: Labels = {};

export interface PodSecurityOptions {
  readonly settings?: PodSecuritySettings | undefined;
  readonly metrics?: MetricRegistry | undefined;
}

export class PodSecurity implements AdmissionPlugin {
  readonly name = 'PodSecurity';
  readonly #settings: PodSecuritySettings;
  readonly #evaluations: Evaluations;
  /** By labels, which are frozen with their namespace. */
  readonly #policies = new WeakMap<Labels, ReadPolicy>();

  constructor({ settings = defaultPodSecuritySettings, metrics }: PodSecurityOptions) {
    this.#settings = settings;
    this.#evaluations = countEvaluations(metrics);
  }

  validate(request: AdmissionRequest): void {
    const { operation, collection, target, draft } = request;
    if (operation === 'DELETE' || draft === undefined) return;
    if (collection === 'pods') this.#checkPod(request);
    else if (target.subresource !== '') return;
    else if (collection === 'namespaces') this.#checkNamespace(request);
    else if (templatePaths[collection] !== undefined) this.#checkController(request, templatePaths[collection]);
  }

  #checkPod(request: AdmissionRequest): void {
    const { operation, target, draft } = request;
    const old: Pod | undefined = request.old;
    if (ignoredPodSubresources.has(target.subresource) || this.#isExempt(request)) return;
    const read = this.#policyOf(request);
    if (read === undefined) throw this.#noNamespace(request);
    if (read.errors.length === 0 && isPrivileged(read.policy)) {
      request.annotate(`${prefix}enforce-policy`, 'privileged:latest');
      this.#evaluations.evaluated(request, 'enforce', read.policy.enforce, true);
      return;
    }
    const pod = draft as Pod;
    if (operation === 'UPDATE' && !isSignificant(pod.spec, old?.spec)) return;
    this.#evaluate(request, pod, read, modes);
  }

  #checkController(request: AdmissionRequest, path: readonly string[]): void {
    if (this.#isExempt(request)) return;
    const read = this.#policyOf(request);
    if (read === undefined) {
      this.#evaluations.failed(request, true);
      request.annotate(`${prefix}error`, `failed to lookup namespace "${request.target.namespace}"`);
      return;
    }
    const { audit, warn } = read.policy;
    if (read.errors.length === 0 && audit.level === 'privileged' && warn.level === 'privileged') return;
    const template = path.reduce<unknown>(
      (at, field) => (at as Record<string, unknown> | undefined)?.[field],
      request.draft,
    );
    if (template !== undefined) this.#evaluate(request, template as PodTemplateSpec, read, ['audit', 'warn']);
  }

  /** Each mode holds its policy against the pod; who is refused is not warned. @throws StatusError Forbidden */
  #evaluate(
    request: AdmissionRequest,
    pod: PodTemplateSpec,
    { policy, errors }: ReadPolicy,
    asked: readonly Mode[],
  ): void {
    const spec: PodSpec = pod.spec ?? { containers: [] };
    if (this.#settings.exempt.runtimeClasses.has(spec.runtimeClassName ?? ''))
      return this.#exempt(request, 'runtimeClass');
    if (errors.length > 0) {
      request.annotate(`${prefix}error`, `Failed to parse policy: ${errorText(errors)}`);
      this.#evaluations.failed(request, false);
    }
    const subject = subjectOf(pod.metadata, spec);
    const known: [LevelVersion, readonly Violation[]][] = [];
    const violationsOf = (one: LevelVersion): readonly Violation[] => {
      const before = known.find(([other]) => sameLevelVersion(one, other));
      if (before !== undefined) return before[1];
      const violations = evaluate(one, subject);
      known.push([one, violations]);
      return violations;
    };
    let refusal = '';
    for (const mode of asked) {
      const one = policy[mode];
      const name = levelVersionText(one);
      if (mode === 'enforce') request.annotate(`${prefix}enforce-policy`, name);
      if (mode === 'warn' && refusal !== '') break;
      const violations = violationsOf(one);
      const allowed = violations.length === 0;
      if (!allowed || mode === 'enforce') this.#evaluations.evaluated(request, mode, one, allowed);
      if (allowed) continue;
      const details = `PodSecurity "${name}": ${detailsOf(violations)}`;
      if (mode === 'enforce') refusal = `violates ${details}`;
      if (mode === 'audit') request.annotate(`${prefix}audit-violations`, `would violate ${details}`);
      if (mode === 'warn') request.warn(`would violate ${details}`);
    }
    if (refusal !== '') throw forbidden({ group: '', kind: 'pods', name: nameOf(request) }, refusal);
  }

  /** @throws StatusError Invalid where labels cannot be read */
  #checkNamespace(request: AdmissionRequest): void {
    const namespace = request.draft as Namespace;
    const old: Namespace | undefined = request.old;
    const { labels = noLabels } = namespace.metadata ?? {};
    const { policy, errors } = readPolicy(labels, this.#settings.defaults);
    const before = old && this.#read(old.metadata?.labels);
    if (errors.length > 0 && !(before !== undefined && before.errors.length > 0 && sameJson(errors, before.errors))) {
      throw invalid({ group: '', kind: 'Namespace', name: nameOf(request) }, errors);
    }
    const stricter = before === undefined || isStricter(policy.enforce, before.policy.enforce);
    if (!stricter) return;
    const name = nameOf(request);
    if (this.#settings.exempt.namespaces.has(name)) {
      const warning = this.#exemptNamespaceWarning(name, { policy, errors }, labels);
      if (warning !== undefined) request.warn(warning);
    } else if (before !== undefined) {
      for (const warning of this.#warningsOf(request, name, policy.enforce)) request.warn(warning);
    }
  }

  #warningsOf({ store, clock }: AdmissionRequest, namespace: string, enforce: LevelVersion): string[] {
    const { runtimeClasses } = this.#settings.exempt;
    const pods = store
      .list('pods', namespace)
      .entries.map(({ object }) => object as Pod)
      .filter(({ spec }) => !runtimeClasses.has(spec?.runtimeClassName ?? ''));
    return warningsOfExistingPods({ namespace, enforce, pods, clock });
  }

  /** Labels without effect. Only those modes are named that somebody set, and that ask something. */
  #exemptNamespaceWarning(name: string, { policy }: ReadPolicy, labels: Labels): string | undefined {
    if (isPrivileged(policy) || isEquivalent(policy, this.#settings.defaults)) return undefined;
    const set = modes.filter(
      (mode) =>
        policy[mode].level !== 'privileged' &&
        (labels[prefix + mode] !== undefined || labels[`${prefix}${mode}-version`] !== undefined),
    );
    const shown = set.map((mode) => `${mode}=${levelVersionText(policy[mode])}`).join(', ');
    return `namespace "${name}" is exempt from Pod Security, and the policy (${shown}) will be ignored`;
  }

  #isExempt(request: AdmissionRequest): boolean {
    const { namespaces, usernames } = this.#settings.exempt;
    const { namespace, user } = request.target;
    const reason = namespaces.has(namespace) ? 'namespace' : usernames.has(user.name) ? 'user' : undefined;
    if (reason !== undefined) this.#exempt(request, reason);
    return reason !== undefined;
  }

  #exempt(request: AdmissionRequest, reason: 'namespace' | 'user' | 'runtimeClass'): void {
    this.#evaluations.exempted(request);
    request.annotate(`${prefix}exempt`, reason);
  }

  /** Undefined where there is no such namespace. */
  #policyOf({ store, target }: AdmissionRequest): ReadPolicy | undefined {
    const entry = store.get({ collection: 'namespaces', namespace: '', name: target.namespace });
    return entry && this.#read(entry.object.metadata?.labels);
  }

  /** `labels` is frozen. */
  #read(labels: Labels = noLabels): ReadPolicy {
    const known = this.#policies.get(labels);
    if (known !== undefined) return known;
    const read = readPolicy(labels, this.#settings.defaults);
    this.#policies.set(labels, read);
    return read;
  }

  #noNamespace(request: AdmissionRequest): Error {
    this.#evaluations.failed(request, true);
    const error = internalError(new Error(`failed to lookup namespace "${request.target.namespace}"`));
    request.annotate(`${prefix}error`, error.message);
    return error;
  }
}

/** The name of a new object is known only in it. */
const nameOf = ({ target, draft }: AdmissionRequest): string => target.name || (draft?.metadata?.name ?? '');

/** May pods be out of order now that were in order before? */
const isStricter = (now: LevelVersion, before: LevelVersion): boolean =>
  !sameLevelVersion(now, before) &&
  now.level !== 'privileged' &&
  (now.version !== before.version || compareLevels(now.level, before.level) > 0);

/** What an update may change of a pod, and a check may ask about: containers that come, and images. */
function isSignificant(now: PodSpec | undefined, before: PodSpec | undefined): boolean {
  if (sameImages(now?.containers, before?.containers) && sameImages(now?.initContainers, before?.initContainers)) {
    const images = new Map((before?.ephemeralContainers ?? []).map(({ name, image = '' }) => [name, image]));
    return (now?.ephemeralContainers ?? []).some(({ name, image = '' }) => images.get(name) !== image);
  }
  return true;
}

type Images = readonly { readonly image?: string }[];

const sameImages = (now: Images = [], before: Images = []): boolean =>
  now.length === before.length && now.every(({ image = '' }, index) => image === (before[index]?.image ?? ''));
