/**
 * Workloads and PodGroups (KEP-4671): what pods that belong together ask of the scheduler. A Workload's templates and a PodGroup say the
 * same of a group, and nothing of it changes afterwards. Pure.
 */
import { duplicate, invalidValue, required, tooMany } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, isPathSegmentName, isQualifiedName } from '../../api/names.ts';
import type {
  PodGroup,
  PodGroupSchedulingConstraints,
  PodGroupSchedulingPolicy,
  PodGroupSpec,
  PodGroupTemplate,
  PodGroupTemplateReference,
  TypedLocalObjectReference,
  Workload,
  WorkloadSpec,
} from '../../api/schema/types/scheduling-v1alpha2.ts';
import type { FieldError } from '../../api/status-error.ts';
import { immutableField, invalidEach, oneOfIfGiven, requiredName } from './checks.ts';
import { validateConditions } from './conditions.ts';

const templatesMax = 8;
const topologiesMax = 1;
const priorityMin = -(2 ** 31);
/** Priorities above this are for the cluster's own. */
const priorityMax = 1_000_000_000;

export function validateWorkload({ spec }: Workload): FieldError[] {
  const { controllerRef, podGroupTemplates }: Partial<WorkloadSpec> = spec ?? {};
  const templates = podGroupTemplates ?? [];
  const path = 'spec.podGroupTemplates';
  const errors = controllerRef === undefined ? [] : validateController('spec.controllerRef', controllerRef);
  if (templates.length === 0) return [...errors, required(path, 'must have at least one item')];
  if (templates.length > templatesMax) return [...errors, tooMany(path, templates.length, templatesMax)];
  const names = templates.map(({ name }) => name);
  return [
    ...errors,
    ...templates.flatMap((each, index) =>
      each.name && names.indexOf(each.name) < index ? [duplicate(`${path}[${index}]`, { name: each.name })] : [],
    ),
    ...templates.flatMap((each, index) => validateTemplate(`${path}[${index}]`, each)),
  ];
}

/** The only thing that may change of a Workload is its metadata. */
export const validateWorkloadUpdate = ({ spec }: Workload, { spec: old }: Workload): FieldError[] => [
  ...immutableField('spec.controllerRef', spec?.controllerRef, old?.controllerRef),
  ...immutableField('spec.podGroupTemplates', spec?.podGroupTemplates, old?.podGroupTemplates),
];

function validateController(path: string, { apiGroup, kind, name }: TypedLocalObjectReference): FieldError[] {
  return [
    ...(apiGroup ? invalidEach(`${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup)) : []),
    ...requiredName(`${path}.kind`, kind, isPathSegmentName),
    ...requiredName(`${path}.name`, name, isPathSegmentName),
  ];
}

function validateTemplate(path: string, template: PodGroupTemplate): FieldError[] {
  return [...requiredName(`${path}.name`, template.name, isDns1123Label), ...validateGroup(path, template)];
}

export function validatePodGroup({ spec }: PodGroup): FieldError[] {
  const reference = spec?.podGroupTemplateRef;
  return [
    ...(reference === undefined ? [] : validateReference('spec.podGroupTemplateRef', reference)),
    ...validateGroup('spec', spec ?? {}),
  ];
}

const fixedFields = [
  'podGroupTemplateRef',
  'schedulingPolicy',
  'schedulingConstraints',
  'resourceClaims',
  'disruptionMode',
  'priorityClassName',
  'priority',
] as const satisfies readonly (keyof PodGroupSpec)[];

export const validatePodGroupUpdate = ({ spec }: PodGroup, { spec: old }: PodGroup): FieldError[] =>
  fixedFields.flatMap((field) => immutableField(`spec.${field}`, spec?.[field], old?.[field]));

export const validatePodGroupStatus = ({ status }: PodGroup): FieldError[] =>
  validateConditions('status.conditions', status?.conditions);

function validateReference(path: string, { workload }: PodGroupTemplateReference): FieldError[] {
  if (workload === undefined) return [invalidValue(path, '', 'must specify one of: `workload`')];
  const at = `${path}.workload`;
  return [
    ...requiredName(`${at}.workloadName`, workload.workloadName, isDns1123Subdomain),
    ...requiredName(`${at}.podGroupTemplateName`, workload.podGroupTemplateName, isDns1123Label),
  ];
}

/** What a template and a group have in common. */
function validateGroup(path: string, group: Partial<Omit<PodGroupTemplate, 'name'>>): FieldError[] {
  const { disruptionMode, priorityClassName, priority } = group;
  const classPath = `${path}.priorityClassName`;
  return [
    ...validatePolicy(`${path}.schedulingPolicy`, group.schedulingPolicy ?? {}),
    ...validateConstraints(`${path}.schedulingConstraints.topology`, group.schedulingConstraints),
    ...oneOfIfGiven(`${path}.disruptionMode`, disruptionMode, ['Pod', 'PodGroup']),
    ...(priorityClassName ? invalidEach(classPath, priorityClassName, isDns1123Subdomain(priorityClassName)) : []),
    ...validatePriority(`${path}.priority`, priority),
  ];
}

function validatePolicy(path: string, { basic, gang }: PodGroupSchedulingPolicy): FieldError[] {
  const members = '`basic`, `gang`';
  if (basic === undefined && gang === undefined) return [invalidValue(path, '', `must specify one of: ${members}`)];
  if (basic !== undefined && gang !== undefined) {
    return [invalidValue(path, '{basic, gang}', `must specify exactly one of: ${members}`)];
  }
  if (gang === undefined) return [];
  // Zero is absence, as upstream sees it.
  if (!gang.minCount) return [required(`${path}.gang.minCount`)];
  return gang.minCount < 1 ? [invalidValue(`${path}.gang.minCount`, gang.minCount, atLeast(1))] : [];
}

function validateConstraints(path: string, constraints: PodGroupSchedulingConstraints | undefined): FieldError[] {
  const { topology = [] } = constraints ?? {};
  if (topology.length > topologiesMax) return [tooMany(path, topology.length, topologiesMax)];
  return topology.flatMap(({ key }, index) => requiredName(`${path}[${index}].key`, key, isQualifiedName));
}

function validatePriority(path: string, priority: number | undefined): FieldError[] {
  if (priority === undefined) return [];
  if (priority > priorityMax) return [invalidValue(path, priority, `must be less than or equal to ${priorityMax}`)];
  return priority < priorityMin ? [invalidValue(path, priority, atLeast(priorityMin))] : [];
}

const atLeast = (least: number): string => `must be greater than or equal to ${least}`;
