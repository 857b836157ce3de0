/**
 * The rules of pods and pod templates: a spec part by part, in upstream's order, and what is asked of pods alone. What may change after
 * creation stands in `pod-update.ts`; each part has a file of its own.
 */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Subdomain, rangeMessage } from '../../api/names.ts';
import type { Pod, PodSpec, PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { validateAffinity } from './affinity.ts';
import { invalidEach, requiredOneOf, validateLabels } from './checks.ts';
import {
  type ContainerContext,
  validateContainers,
  validateEphemeralContainers,
  validateImageSpaces,
  validateInitContainers,
} from './container.ts';
import { validateFileKeyVolumes } from './container-env.ts';
import { validateAnnotations } from './metadata.ts';
import { mirrorAnnotation, validatePodAnnotations, validateProfilesMatch } from './pod-annotations.ts';
import { claimNamesOf, validatePodClaims } from './pod-claims.ts';
import {
  validateDnsConfig,
  validateDnsPolicy,
  validateHostAliases,
  validateHostnameOverride,
  validateHostnames,
  validateNodePorts,
} from './pod-network.ts';
import { checkTolerantly, type PodOptions, strictPod, strictTemplate } from './pod-options.ts';
import { validateHostProcesses, validateOs } from './pod-os.ts';
import { validatePodResources } from './pod-resources.ts';
import {
  validateReadinessGates,
  validateSchedulingGates,
  validateSchedulingGroup,
  validateSpread,
  validateTolerations,
} from './pod-scheduling.ts';
import { validateHostUsers, validatePodSecurity } from './pod-security.ts';
import { validateRequirements } from './resources.ts';
import { validateVolumes } from './volume.ts';

export { validateToleration } from './pod-scheduling.ts';

/** `old` is the pod that this one replaces: a new one is held to a few rules more. */
export function validatePod(pod: Pod, old?: Pod): FieldError[] {
  const errors = validateWholePod(pod, old);
  return old === undefined ? [...errors, ...validateNewPod(pod)] : errors;
}

/** Annotations and spec, as every write that can change them checks. */
export function validateWholePod(pod: Pod, old?: Pod): FieldError[] {
  return checkTolerantly(checkPod, strictPod, pod, old);
}

function checkPod({ metadata, spec = noSpec }: Pod, options: PodOptions): FieldError[] {
  return [
    ...validatePodAnnotations('metadata.annotations', metadata?.annotations, spec, options),
    ...validatePodSpec('spec', spec, metadata, options),
    ...validateTokens('spec', spec),
    ...imageSpaces('spec.containers', spec.containers),
    ...imageSpaces('spec.initContainers', spec.initContainers),
  ];
}

/** What an absent spec is once it has its defaults: all that it lacks is containers. */
const noSpec: PodSpec = {
  containers: [],
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
};

/** Whose token would it be? */
function validateTokens(path: string, { serviceAccountName, volumes }: PodSpec): FieldError[] {
  if (serviceAccountName) return [];
  const detail = 'must not be specified when serviceAccountName is not set';
  return (volumes ?? []).flatMap(({ projected }, index) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }, sourceIndex) => {
      const at = `${path}.volumes[${index}].projected.sources[${sourceIndex}].serviceAccountToken`;
      return serviceAccountToken ? [forbiddenField(at, detail)] : [];
    }),
  );
}

function imageSpaces(path: string, containers: PodSpec['initContainers']): FieldError[] {
  return (containers ?? []).flatMap((container, index) => validateImageSpaces(`${path}[${index}]`, container));
}

function validateNewPod({ metadata, spec = noSpec }: Pod): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'));
  }
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  }
  return [...errors, ...validateProfilesMatch('spec', metadata, spec)];
}

export function validatePodTemplate(
  path: string,
  template: PodTemplateSpec | undefined,
  old?: PodTemplateSpec,
): FieldError[] {
  return checkTolerantly(
    (each, options) => checkTemplate(path, each, options),
    strictTemplate,
    template ?? { spec: noSpec },
    old,
  );
}

function checkTemplate(path: string, { metadata, spec = noSpec }: PodTemplateSpec, options: PodOptions): FieldError[] {
  const annotations = metadata?.annotations;
  const errors = [
    ...validateLabels(`${path}.labels`, metadata?.labels),
    ...validateAnnotations(annotations, `${path}.annotations`),
    ...validatePodAnnotations(`${path}.annotations`, annotations, spec, options),
    ...validatePodSpec(`${path}.spec`, spec, undefined, options),
    ...validateProfilesMatch(`${path}.spec`, metadata, spec),
  ];
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenField(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  }
  return errors;
}

/** `metadata` is that of a real pod: what its name and annotations decide is not asked of templates. */
export function validatePodSpec(
  path: string,
  spec: PodSpec,
  metadata: ObjectMeta | undefined,
  options: PodOptions,
): FieldError[] {
  const { errors: volumeErrors, volumes } = validateVolumes(
    `${path}.volumes`,
    spec.volumes ?? [],
    metadata?.name ?? '',
    options,
  );
  const claims = claimNamesOf(spec.resourceClaims);
  const isMirror = metadata?.annotations?.[mirrorAnnotation] !== undefined;
  const context: ContainerContext = { spec, volumes, claims, hostUsers: spec.hostUsers ?? true, options };
  return [
    ...(spec.terminationGracePeriodSeconds === undefined ? [required(`${path}.terminationGracePeriodSeconds`)] : []),
    ...volumeErrors,
    ...validatePodClaims(`${path}.resourceClaims`, spec.resourceClaims ?? [], isMirror),
    ...validateContainers(`${path}.containers`, context),
    ...validateInitContainers(`${path}.initContainers`, context),
    ...validateEphemeralContainers(`${path}.ephemeralContainers`, context),
    ...validatePodResources(path, spec, claims, options),
    ...validatePlacement(path, spec, options),
    ...validateNames(path, spec, options),
    ...validateOs(path, spec),
    ...validateFileKeyVolumes(path, spec),
  ];
}

const restartPolicies = ['Always', 'OnFailure', 'Never'];

function validatePlacement(path: string, spec: PodSpec, options: PodOptions): FieldError[] {
  return [
    ...validateNodePorts(path, spec, options),
    ...requiredOneOf(`${path}.restartPolicy`, spec.restartPolicy, restartPolicies),
    ...validateDnsPolicy(`${path}.dnsPolicy`, spec.dnsPolicy),
    ...validateLabels(`${path}.nodeSelector`, spec.nodeSelector),
    ...validatePodSecurity(path, spec, options),
    ...validateAffinity(`${path}.affinity`, spec.affinity, options),
    ...validateDnsConfig(`${path}.dnsConfig`, spec),
    ...validateReadinessGates(`${path}.readinessGates`, spec.readinessGates),
    ...validateSchedulingGates(`${path}.schedulingGates`, spec.schedulingGates),
    ...validateSpread(`${path}.topologySpreadConstraints`, spec.topologySpreadConstraints, options),
    ...validateHostProcesses(path, spec),
    ...validateHostUsers(path, spec, options),
    ...validateHostnameOverride(path, spec),
    ...validateSchedulingGroup(`${path}.schedulingGroup`, spec.schedulingGroup),
  ];
}

function validateNames(path: string, spec: PodSpec, options: PodOptions): FieldError[] {
  const subdomain = (field: 'nodeName' | 'priorityClassName' | 'serviceAccountName'): FieldError[] => {
    const name = spec[field];
    return name ? invalidEach(`${path}.${field}`, name, isDns1123Subdomain(name)) : [];
  };
  const { runtimeClassName: runtime, overhead } = spec;
  return [
    ...subdomain('serviceAccountName'),
    ...subdomain('nodeName'),
    ...validateDeadline(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds),
    ...validateHostnames(path, spec),
    ...validateTolerations(`${path}.tolerations`, spec.tolerations),
    ...validateHostAliases(`${path}.hostAliases`, spec.hostAliases),
    ...subdomain('priorityClassName'),
    ...(runtime === undefined ? [] : invalidEach(`${path}.runtimeClassName`, runtime, isDns1123Subdomain(runtime))),
    ...validatePreemption(`${path}.preemptionPolicy`, spec.preemptionPolicy),
    ...(overhead ? validateRequirements(`${path}.overhead`, { limits: overhead }, new Set(), options) : []),
  ];
}

export const deadlineSecondsMax = 2 ** 31 - 1;

function validateDeadline(path: string, seconds: number | undefined): FieldError[] {
  if (seconds === undefined || (seconds >= 1 && seconds <= deadlineSecondsMax)) return [];
  return [invalidValue(path, seconds, rangeMessage(1, deadlineSecondsMax))];
}

const preemptionPolicies = ['PreemptLowerPriority', 'Never'];

function validatePreemption(path: string, policy: string | undefined): FieldError[] {
  if (policy === undefined || preemptionPolicies.includes(policy)) return [];
  return [policy === '' ? required(path) : notSupported(path, policy, preemptionPolicies)];
}
