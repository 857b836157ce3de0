/**
 * CustomResourceDefinitions. What all versions say alike stands, in upstream's errors, once for all: `spec.validation`,
 * `spec.subresources`, `spec.additionalPrinterColumns`, `spec.selectableFields`; the webhook of a conversion in `webhookClientConfig`.
 */
import { invalidValue, required } from '../../api/field-error.ts';
import { isDns1035Label, isDns1123Subdomain } from '../../api/names.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
} from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { approvalKey, approvalOf, isCommunityGroup } from '../custom/approval.ts';
import { validateRulesSize } from '../custom-rules/rules-size.ts';
import { sameJson } from '../draft.ts';
import { immutableField, requiredOneOf } from './checks.ts';
import { validateConversion } from './custom-resource-conversion.ts';
import { validateSchema } from './custom-resource-schema.ts';
import { validateColumns, validateSelectable, validateSubresources } from './custom-resource-version.ts';

const deprecationBytesMax = 256;

type Version = CustomResourceDefinitionVersion;

export function validateCustomResourceDefinition(
  definition: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): FieldError[] {
  const { metadata, spec } = definition;
  const tooLarge = validateRulesSize('spec.versions', spec?.versions ?? []);
  if (tooLarge.length > 0) return tooLarge;
  const wanted = `${spec?.names?.plural ?? ''}.${spec?.group ?? ''}`;
  const named = old !== undefined || !metadata?.name || metadata.name === wanted;
  return [
    ...(named ? [] : [invalidValue('metadata.name', metadata?.name, 'must be spec.names.plural+"."+spec.group')]),
    ...validateSpec(spec, old?.spec),
    ...(old === undefined ? [] : validateSpecUpdate(definition, old)),
    ...validateStatus(definition),
    ...validateApproval(definition, old),
    ...validatePreserving(spec, old?.spec),
  ];
}

function validateSpec(spec: CustomResourceDefinitionSpec, old: CustomResourceDefinitionSpec | undefined): FieldError[] {
  const versions = spec?.versions ?? [];
  const shared = sharedOf(versions);
  return [
    ...validateGroup('spec.group', spec?.group ?? ''),
    ...requiredOneOf('spec.scope', spec?.scope, ['Cluster', 'Namespaced']),
    ...validateHasSchema(versions, shared),
    ...versions.flatMap((version, index) => validateVersion(`spec.versions[${index}]`, version, shared, old)),
    ...validateVersions(versions),
    ...validateNames('spec.names', spec?.names),
    ...validateShared(versions[0], shared, versions, old),
    ...validateConversion('spec.conversion', spec?.conversion),
  ];
}

function validateGroup(path: string, group: string): FieldError[] {
  if (group === '') return [required(path)];
  const errors = isDns1123Subdomain(group);
  if (errors.length > 0) return [invalidValue(path, group, errors.join(','))];
  return group.includes('.') ? [] : [invalidValue(path, group, 'should be a domain with at least one dot')];
}

/** Which parts are the same in all versions. */
type Shared = {
  readonly [Part in 'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields']: boolean;
};

function sharedOf(versions: readonly Version[]): Shared {
  const same = (part: keyof Shared): boolean => versions.every((each) => sameJson(each[part], versions[0]?.[part]));
  return {
    schema: same('schema'),
    subresources: same('subresources'),
    additionalPrinterColumns: same('additionalPrinterColumns'),
    selectableFields: same('selectableFields'),
  };
}

function validateHasSchema(versions: readonly Version[], shared: Shared): FieldError[] {
  if (shared.schema && versions[0]?.schema?.openAPIV3Schema) return [];
  return versions.flatMap(({ schema }, index) =>
    !shared.schema && schema?.openAPIV3Schema ? [] : [required(`spec.versions[${index}].schema.openAPIV3Schema`)],
  );
}

function validateVersion(
  path: string,
  version: Version,
  shared: Shared,
  old: CustomResourceDefinitionSpec | undefined,
): FieldError[] {
  const { subresources } = version;
  const name = version.name ?? '';
  const nameErrors = isDns1035Label(name);
  const errors = nameErrors.length > 0 ? [invalidValue(`${path}.name`, name, nameErrors.join(','))] : [];
  errors.push(...validateDeprecation(`${path}.deprecationWarning`, version));
  if (!shared.schema)
    errors.push(...validateVersionSchema(`${path}.schema`, version, subresources?.status !== undefined, old));
  if (!shared.subresources) errors.push(...validateSubresources(`${path}.subresources`, subresources));
  if (!shared.additionalPrinterColumns) {
    errors.push(...validateColumns(`${path}.additionalPrinterColumns`, version.additionalPrinterColumns));
  }
  if (!shared.selectableFields) errors.push(...validateSelectable(path, version.selectableFields, version.schema));
  return errors;
}

function validateDeprecation(path: string, { deprecated, deprecationWarning: text }: Version): FieldError[] {
  if (text === undefined) return [];
  if (!deprecated) return [invalidValue(path, text, 'can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(text) > deprecationBytesMax)
    errors.push(invalidValue(path, text, 'must be <= 256 characters long'));
  if (text === '') errors.push(invalidValue(path, text, 'must not be an empty string'));
  const at = text.search(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  if (at >= 0) {
    const index = Buffer.byteLength(text.slice(0, at));
    const why = `must only contain printable UTF-8 characters; non-printable character found at index ${index}`;
    errors.push(invalidValue(path, text, why));
  }
  return errors;
}

/** A schema that stood already is not looked at again: it may be older than a rule. */
function validateVersionSchema(
  path: string,
  { name, schema }: Version,
  hasStatus: boolean,
  old: CustomResourceDefinitionSpec | undefined,
): FieldError[] {
  if (!schema?.openAPIV3Schema) return [];
  const before = old?.versions?.find((version) => version.name === name)?.schema;
  if (before && sameJson(before, schema)) return [];
  return validateSchema(`${path}.openAPIV3Schema`, schema.openAPIV3Schema, hasStatus);
}

function validateVersions(versions: readonly Version[]): FieldError[] {
  const path = 'spec.versions';
  const first = versions[0]?.name ?? '';
  const nameErrors = first === '' ? [] : isDns1035Label(first);
  const unique = new Set(versions.map(({ name }) => name)).size === versions.length;
  const stored = versions.filter(({ storage }) => storage).length;
  return [
    ...(unique ? [] : [invalidValue(path, versions, 'must contain unique version names')]),
    ...(stored === 1 ? [] : [invalidValue(path, versions, 'must have exactly one version marked as storage version')]),
    ...(nameErrors.length > 0 ? [invalidValue('spec.version', first, nameErrors.join(','))] : []),
  ];
}

const requiredNames = ['plural', 'singular', 'kind', 'listKind'] as const;

function validateNames(path: string, names: CustomResourceDefinitionNames | undefined): FieldError[] {
  const missing = requiredNames.filter((name) => !names?.[name]).map((name) => required(`${path}.${name}`));
  return [...missing, ...validateNameForms(path, names)];
}

function validateNameForms(path: string, names: CustomResourceDefinitionNames | undefined): FieldError[] {
  if (names === undefined) return [];
  const label = (at: string, name: string): FieldError[] => {
    const errors = isDns1035Label(name);
    return errors.length > 0 ? [invalidValue(`${path}.${at}`, name, errors.join(','))] : [];
  };
  const mixed = (at: 'kind' | 'listKind'): FieldError[] => {
    const name = names[at] ?? '';
    const errors = name === '' ? [] : isDns1035Label(name.toLowerCase());
    const why = `may have mixed case, but should otherwise match: ${errors.join(',')}`;
    return errors.length > 0 ? [invalidValue(`${path}.${at}`, name, why)] : [];
  };
  const same = names.kind && names.kind === names.listKind;
  return [
    ...(names.plural ? label('plural', names.plural) : []),
    ...(names.singular ? label('singular', names.singular) : []),
    ...mixed('kind'),
    ...mixed('listKind'),
    ...(names.shortNames ?? []).flatMap((name, index) => label(`shortNames[${index}]`, name)),
    ...(same ? [invalidValue(`${path}.listKind`, names.listKind, 'kind and listKind may not be the same')] : []),
    ...(names.categories ?? []).flatMap((name, index) => label(`categories[${index}]`, name)),
  ];
}

function validateShared(
  first: Version | undefined,
  shared: Shared,
  versions: readonly Version[],
  old: CustomResourceDefinitionSpec | undefined,
): FieldError[] {
  if (first === undefined) return [];
  const hasStatus = versions.some(({ subresources }) => subresources?.status !== undefined);
  return [
    ...(shared.schema ? validateVersionSchema('spec.validation', first, hasStatus, old) : []),
    ...(shared.subresources ? validateSubresources('spec.subresources', first.subresources) : []),
    ...(shared.additionalPrinterColumns
      ? validateColumns('spec.additionalPrinterColumns', first.additionalPrinterColumns)
      : []),
    ...(shared.selectableFields ? validateSelectable('spec', first.selectableFields, first.schema) : []),
  ];
}

/** Objects are stored by these names. */
function validateSpecUpdate(
  { spec }: CustomResourceDefinition,
  { spec: old, status }: CustomResourceDefinition,
): FieldError[] {
  const established = status?.conditions?.some((each) => each.type === 'Established' && each.status === 'True');
  return [
    ...(established
      ? [
          ...immutableField('spec.scope', spec.scope, old.scope),
          ...immutableField('spec.names.kind', spec.names?.kind, old.names?.kind),
        ]
      : []),
    ...immutableField('spec.group', spec.group, old.group),
    ...immutableField('spec.names.plural', spec.names?.plural, old.names?.plural),
  ];
}

function validateStatus({ spec, status }: CustomResourceDefinition): FieldError[] {
  const path = 'status.storedVersions';
  const stored = status?.storedVersions ?? [];
  const errors = validateNameForms('status.acceptedNames', status?.acceptedNames);
  if (stored.length === 0) return [...errors, invalidValue(path, null, 'must have at least one stored version')];
  const names = new Set((spec?.versions ?? []).map(({ name }) => name));
  for (const { name, storage } of spec?.versions ?? []) {
    if (storage && !stored.includes(name)) {
      errors.push(invalidValue(path, stored, `must have the storage version ${name}`));
    }
  }
  for (const [index, name] of stored.entries()) {
    if (names.has(name)) continue;
    const why =
      `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a ` +
      `storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.push(invalidValue(`${path}[${index}]`, name, why));
  }
  return errors;
}

export function validateCustomResourceDefinitionStatus({ status }: CustomResourceDefinition): FieldError[] {
  return validateNameForms('status.acceptedNames', status?.acceptedNames);
}

/** Groups of the community are reviewed; whoever takes one has to say where, or that it was not. */
function validateApproval(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  if (!isCommunityGroup(definition.spec?.group ?? '')) return [];
  const value = definition.metadata?.annotations?.[approvalKey];
  const { state, message } = approvalOf(value);
  if (state === 'approved' || state === 'bypassed') return [];
  if (old && approvalOf(old.metadata?.annotations?.[approvalKey]).state === state) return [];
  const path = `metadata.annotations[${approvalKey}]`;
  return [state === 'missing' ? required(path, message) : invalidValue(path, value, message)];
}

function validatePreserving(
  spec: CustomResourceDefinitionSpec | undefined,
  old: CustomResourceDefinitionSpec | undefined,
): FieldError[] {
  if (!spec?.preserveUnknownFields || old?.preserveUnknownFields) return [];
  const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [invalidValue('spec.preserveUnknownFields', true, why)];
}
