/** APIServices: which server answers for a version of a group. */
import { goQuote, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1035Label, isDns1123Subdomain, isPathSegmentName } from '../../api/names.ts';
import type { APIService, APIServiceSpec } from '../../api/schema/types/apiregistration-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredText } from './checks.ts';

const groupPriorityMax = 20_000;
const versionPriorityMax = 1_000;

export function validateApiService({ metadata, spec }: APIService): FieldError[] {
  const { group = '', version = '', groupPriorityMinimum = 0, versionPriority = 0 } = spec ?? {};
  const errors = validateName(metadata?.name ?? '', `${version}.${group}`);
  if (group !== '') errors.push(...invalidEach('spec.group', group, isDns1123Subdomain(group)));
  else if (version !== 'v1') {
    errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  }
  errors.push(...invalidEach('spec.version', version, isDns1035Label(version)));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > groupPriorityMax) {
    const why = 'must be positive and less than 20000';
    errors.push(invalidValue('spec.groupPriorityMinimum', groupPriorityMinimum, why));
  }
  if (versionPriority <= 0 || versionPriority > versionPriorityMax) {
    errors.push(invalidValue('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  }
  return [...errors, ...validateBackend(spec ?? {})];
}

/** Names that cannot stand in a URL were refused with the metadata. */
function validateName(name: string, wanted: string): FieldError[] {
  if (name === '' || name === wanted || isPathSegmentName(name).length > 0) return [];
  return [invalidValue('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${goQuote(wanted)}`)];
}

function validateBackend({
  service,
  caBundle = '',
  insecureSkipTLSVerify: insecure,
}: Partial<APIServiceSpec>): FieldError[] {
  const errors: FieldError[] = [];
  if (!service) {
    const bytes = Buffer.byteLength(caBundle, 'base64');
    if (bytes > 0)
      errors.push(invalidValue('spec.caBundle', `${bytes} bytes`, 'local APIServices may not have a caBundle'));
    if (insecure) {
      const why = 'local APIServices may not have insecureSkipTLSVerify';
      errors.push(invalidValue('spec.insecureSkipTLSVerify', insecure, why));
    }
    return errors;
  }
  errors.push(...requiredText('spec.service.namespace', service.namespace));
  errors.push(...requiredText('spec.service.name', service.name));
  if (insecure && caBundle !== '') {
    errors.push(invalidValue('spec.insecureSkipTLSVerify', insecure, 'may not be true if caBundle is present'));
  }
  return errors;
}

const statuses = ['True', 'False', 'Unknown'];

export function validateApiServiceStatus({ status }: APIService): FieldError[] {
  return (status?.conditions ?? []).flatMap((condition, index) =>
    statuses.includes(condition.status)
      ? []
      : [notSupported(`status.conditions[${index}].status`, condition.status ?? '', statuses)],
  );
}
