/**
 * The rules of pods and pod templates: what holds between the parts of a spec. What may change
 * after creation stands in `pod-update.ts`.
 * Containers, volumes and resources have files of their own beside this one.
 */
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notFoundValue,
  notSupported,
  required,
} from '../../api/field-error.ts';
import {
  isDns1123Label,
  isDns1123Subdomain,
  isDns1123SubdomainWithUnderscore,
  isLabelValue,
  isQualifiedName,
} from '../../api/names.ts';
import type {
  Container,
  EphemeralContainer,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Sysctl,
  Toleration,
  TopologySpreadConstraint,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, noDuplicates, nonNegative, oneOf, validateLabelSelector, validateLabels } from './checks.ts';
import { validateContainer } from './container.ts';
import { validateAnnotations } from './metadata.ts';
import { validateVolumes } from './volume.ts';

const restartPolicies = ['Always', 'Never', 'OnFailure'];
const dnsPolicies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];
const deadlineSecondsMax = 2 ** 31 - 1;
const sysctlCharactersMax = 253;
/** In upstream's form, which its error shows. */
const sysctlPattern = String.raw`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`;
const sysctlSegment = /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

export function validatePod(pod: Pod): FieldError[] {
  if (pod.spec === undefined) return [required('spec.containers')];
  return validatePodSpec('spec', pod.spec);
}

export function validatePodTemplate(path: string, template: PodTemplateSpec | undefined): FieldError[] {
  const errors = [
    ...validateLabels(`${path}.metadata.labels`, template?.metadata?.labels),
    ...validateAnnotations(template?.metadata?.annotations, `${path}.metadata.annotations`),
    ...validatePodSpec(`${path}.spec`, template?.spec ?? { containers: [] }),
  ];
  if (template?.spec?.ephemeralContainers?.length) {
    errors.push(forbiddenField(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  }
  return errors;
}

export function validatePodSpec(path: string, spec: PodSpec): FieldError[] {
  return [
    ...validateVolumes(`${path}.volumes`, spec.volumes ?? []),
    ...validateContainers(path, spec),
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, restartPolicies),
    ...validateDns(path, spec),
    ...validateLabels(`${path}.nodeSelector`, spec.nodeSelector),
    ...validateNames(path, spec),
    ...validateTimes(path, spec),
    ...(spec.tolerations ?? []).flatMap((toleration, index) =>
      validateToleration(`${path}.tolerations[${index}]`, toleration),
    ),
    ...validateAffinity(`${path}.affinity`, spec),
    ...validateSpread(`${path}.topologySpreadConstraints`, spec.topologySpreadConstraints ?? []),
    ...validateGates(path, spec),
    ...validateHostAccess(path, spec),
    ...validateSysctls(`${path}.securityContext.sysctls`, spec.securityContext?.sysctls ?? []),
  ];
}

function validateContainers(path: string, spec: PodSpec): FieldError[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = spec;
  const volumeNames = new Set((spec.volumes ?? []).map((volume) => volume.name));
  const hostNetwork = spec.hostNetwork ?? false;
  const check = (list: string, index: number, container: Container, takesProbes: boolean): FieldError[] =>
    validateContainer(container, { path: `${path}.${list}[${index}]`, volumeNames, hostNetwork, takesProbes });
  const errors = containers.length === 0 ? [required(`${path}.containers`)] : [];
  errors.push(...containers.flatMap((container, index) => check('containers', index, container, true)));
  errors.push(
    ...initContainers.flatMap((container, index) =>
      check('initContainers', index, container, container.restartPolicy === 'Always'),
    ),
  );
  errors.push(...validateHostPorts(path, spec));
  errors.push(...duplicateNames(path, spec));
  errors.push(
    ...ephemeralContainers.flatMap((container, index) => [
      ...check('ephemeralContainers', index, container as Container, true),
      ...validateEphemeral(`${path}.ephemeralContainers[${index}]`, container, spec),
    ]),
  );
  return errors;
}

/** Names are unique over all three lists. */
function duplicateNames(path: string, spec: PodSpec): FieldError[] {
  const seen = new Set<string>();
  return (['containers', 'initContainers', 'ephemeralContainers'] as const).flatMap((list) =>
    (spec[list] ?? []).flatMap(({ name }, index) => {
      if (!name) return [];
      if (seen.has(name)) return [duplicate(`${path}.${list}[${index}].name`, name)];
      seen.add(name);
      return [];
    }),
  );
}

function validateHostPorts(path: string, spec: PodSpec): FieldError[] {
  const seen = new Set<string>();
  return (spec.containers ?? []).flatMap((container, index) =>
    (container.ports ?? []).flatMap((port, portIndex) => {
      if (!port.hostPort) return [];
      const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (!seen.has(key)) {
        seen.add(key);
        return [];
      }
      return [duplicate(`${path}.containers[${index}].ports[${portIndex}].hostPort`, key)];
    }),
  );
}

function validateEphemeral(path: string, container: EphemeralContainer, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const target = container.targetContainerName;
  const names = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name);
  if (target && !names.includes(target)) errors.push(notFoundValue(`${path}.targetContainerName`, target));
  if (container.ports?.length) errors.push(forbiddenField(`${path}.ports`, 'field not allowed ephemeral container'));
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const) {
    if (container[field]) errors.push(forbiddenField(`${path}.${field}`, 'cannot be set for an Ephemeral Container'));
  }
  return errors;
}

function validateDns(path: string, spec: PodSpec): FieldError[] {
  const errors = oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, dnsPolicies);
  const { nameservers = [], searches = [] } = spec.dnsConfig ?? {};
  if (spec.dnsPolicy === 'None' && nameservers.length === 0) {
    errors.push(
      required(`${path}.dnsConfig.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'),
    );
  }
  for (const [index, search] of searches.entries()) {
    const name = search.replace(/\.$/, '');
    errors.push(...invalidEach(`${path}.dnsConfig.searches[${index}]`, search, isDns1123SubdomainWithUnderscore(name)));
  }
  return errors;
}

function validateNames(path: string, spec: PodSpec): FieldError[] {
  const check = (field: string, value: string | undefined, rule: (text: string) => string[]): FieldError[] =>
    value ? invalidEach(`${path}.${field}`, value, rule(value)) : [];
  return [
    ...check('serviceAccountName', spec.serviceAccountName, isDns1123Subdomain),
    ...check('nodeName', spec.nodeName, isDns1123Subdomain),
    ...check('hostname', spec.hostname, isDns1123Label),
    ...check('subdomain', spec.subdomain, isDns1123Label),
    ...check('priorityClassName', spec.priorityClassName, isDns1123Subdomain),
    ...check('runtimeClassName', spec.runtimeClassName, isDns1123Subdomain),
  ];
}

function validateTimes(path: string, spec: PodSpec): FieldError[] {
  const errors = nonNegative(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > deadlineSecondsMax)) {
    errors.push(
      invalidValue(`${path}.activeDeadlineSeconds`, deadline, `must be between 1 and ${deadlineSecondsMax}, inclusive`),
    );
  }
  return errors;
}

const tolerationOperators = ['Equal', 'Exists', 'Gt', 'Lt'];
const taintEffects = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

export function validateToleration(path: string, toleration: Toleration): FieldError[] {
  const { key, operator, value, effect, tolerationSeconds } = toleration;
  const errors = key ? invalidEach(`${path}.key`, key, isQualifiedName(key)) : [];
  if (!key && operator !== 'Exists') {
    errors.push(
      invalidValue(
        `${path}.operator`,
        operator ?? '',
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ),
    );
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    errors.push(
      invalidValue(`${path}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"),
    );
  }
  if (operator === 'Exists' && value) {
    errors.push(invalidValue(path, toleration, "value must be empty when `operator` is 'Exists'"));
  } else if (!operator || operator === 'Equal') {
    errors.push(...invalidEach(`${path}.operator`, value ?? '', isLabelValue(value ?? '')));
  } else if (!tolerationOperators.includes(operator)) {
    errors.push(notSupported(`${path}.operator`, operator, tolerationOperators));
  }
  return [...errors, ...oneOf(`${path}.effect`, effect, taintEffects)];
}

const nodeOperators = ['DoesNotExist', 'Exists', 'Gt', 'In', 'Lt', 'NotIn'];

function validateAffinity(path: string, { affinity }: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const wanted = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const at = `${path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  if (wanted && !wanted.nodeSelectorTerms?.length) {
    errors.push(required(at, 'must have at least one node selector term'));
  }
  for (const [index, term] of (wanted?.nodeSelectorTerms ?? []).entries()) {
    for (const [which, expression] of (term.matchExpressions ?? []).entries()) {
      const here = `${at}[${index}].matchExpressions[${which}]`;
      errors.push(...invalidEach(`${here}.key`, expression.key ?? '', isQualifiedName(expression.key ?? '')));
      if (!nodeOperators.includes(expression.operator)) {
        errors.push(invalidValue(`${here}.operator`, expression.operator ?? '', 'not a valid selector operator'));
      }
    }
  }
  return [
    ...errors,
    ...validatePodTerms(path, affinity?.podAffinity, 'podAffinity'),
    ...validatePodTerms(path, affinity?.podAntiAffinity, 'podAntiAffinity'),
  ];
}

function validatePodTerms(
  path: string,
  affinity: NonNullable<PodSpec['affinity']>['podAffinity'],
  field: string,
): FieldError[] {
  const at = `${path}.${field}`;
  const required0 = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const terms = [
    ...required0.map(
      (term, index) => [`${at}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`, term] as const,
    ),
    ...preferred.map(
      (weighted, index) =>
        [
          `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm`,
          weighted.podAffinityTerm,
        ] as const,
    ),
  ];
  return terms.flatMap(([here, term]) => [
    ...(term?.topologyKey
      ? invalidEach(`${here}.topologyKey`, term.topologyKey, isQualifiedName(term.topologyKey))
      : [required(`${here}.topologyKey`, 'can not be empty')]),
    ...validateLabelSelector(`${here}.labelSelector`, term?.labelSelector),
  ]);
}

function validateSpread(path: string, constraints: readonly TopologySpreadConstraint[]): FieldError[] {
  return constraints.flatMap((constraint, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldError[] = [];
    if ((constraint.maxSkew ?? 0) <= 0) {
      errors.push(invalidValue(`${at}.maxSkew`, constraint.maxSkew ?? 0, 'must be greater than zero'));
    }
    if (!constraint.topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    const allowed = ['DoNotSchedule', 'ScheduleAnyway'];
    if (!allowed.includes(constraint.whenUnsatisfiable)) {
      errors.push(notSupported(`${at}.whenUnsatisfiable`, constraint.whenUnsatisfiable ?? '', allowed));
    }
    return [...errors, ...validateLabelSelector(`${at}.labelSelector`, constraint.labelSelector)];
  });
}

function validateGates(path: string, spec: PodSpec): FieldError[] {
  const gates = spec.schedulingGates ?? [];
  const errors = gates.flatMap(({ name }, index) =>
    invalidEach(`${path}.schedulingGates[${index}]`, name, isQualifiedName(name ?? '')),
  );
  errors.push(
    ...noDuplicates(
      gates.map(({ name }) => name),
      (index) => `${path}.schedulingGates[${index}].name`,
    ),
  );
  for (const [index, { conditionType }] of (spec.readinessGates ?? []).entries()) {
    const at = `${path}.readinessGates[${index}].conditionType`;
    errors.push(...invalidEach(at, conditionType, isQualifiedName(conditionType ?? '')));
  }
  return errors;
}

function validateHostAccess(path: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.hostPID && spec.shareProcessNamespace) {
    errors.push(
      invalidValue(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'),
    );
  }
  for (const [index, alias] of (spec.hostAliases ?? []).entries()) {
    for (const name of alias.hostnames ?? []) {
      errors.push(...invalidEach(`${path}.hostAliases[${index}].hostnames`, name, isDns1123Subdomain(name)));
    }
  }
  return errors;
}

function validateSysctls(path: string, sysctls: readonly Sysctl[]): FieldError[] {
  return sysctls.flatMap(({ name }, index) => {
    const at = `${path}[${index}].name`;
    if (!name) return [required(at)];
    if (!isSysctl(name)) {
      const why = `must have at most ${sysctlCharactersMax} characters and match regex ${sysctlPattern}`;
      return [invalidValue(at, name, why)];
    }
    return sysctls.findIndex((other) => other.name === name) < index ? [duplicate(at, name)] : [];
  });
}

/** Segment by segment: the pattern as a whole would take exponentially long for some names. */
function isSysctl(name: string): boolean {
  return name.length <= sysctlCharactersMax && name.split(/[./]/).every((segment) => sysctlSegment.test(segment));
}
