/** The rules of Ingresses and of their classes. */
import { forbiddenField, invalidValue, notSupported, required, tooLong } from '../../api/field-error.ts';
import {
  isDns1123Label,
  isDns1123Subdomain,
  isPathSegmentName,
  isPortName,
  isPortNumber,
  isWildcardDns1123Subdomain,
} from '../../api/names.ts';
import type { TypedLocalObjectReference } from '../../api/schema/types/core-v1.ts';
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressClassParametersReference,
  IngressRule,
  IngressSpec,
  IngressTLS,
} from '../../api/schema/types/networking-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { parseIp } from '../../lib/ip-addresses.ts';
import { domainPrefixedPath, immutableField, invalidEach, requiredName } from './checks.ts';
import { ipErrors } from './ip-rules.ts';

const classAnnotation = 'kubernetes.io/ingress.class';
const controllerBytesMax = 250;
const badPathParts = ['//', '/./', '/../', '%2f', '%2F'];
const badPathEnds = ['/..', '/.'];
const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];

export function validateIngress({ metadata, spec }: Ingress, old?: Ingress): FieldError[] {
  return [...validateSpec(spec ?? {}, old?.spec), ...(old ? [] : validateOldClass(metadata?.annotations, spec))];
}

/** The annotation is how the class was once said. */
function validateOldClass(annotations: Readonly<Record<string, string>> = {}, spec?: IngressSpec): FieldError[] {
  const said = annotations[classAnnotation];
  const wanted = spec?.ingressClassName;
  if (said === undefined || wanted === undefined || said === wanted) return [];
  const path = `annotations.${classAnnotation}`;
  return [invalidValue(path, said, 'must match `ingressClassName` when both are specified')];
}

/** Bad secret names, and rules under wildcards, that an old version let through may stay. */
function validateSpec(spec: IngressSpec, old: IngressSpec | undefined): FieldError[] {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  const errors: FieldError[] = [];
  if (rules.length === 0 && defaultBackend === undefined) {
    errors.push(invalidValue('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (defaultBackend) errors.push(...validateBackend('spec.defaultBackend', defaultBackend));
  const anyRule = (old?.rules ?? []).some((rule) => rule.host?.includes('*') && validateHttp('', rule).length > 0);
  errors.push(...rules.flatMap((rule, index) => validateRule(`spec.rules[${index}]`, rule, anyRule)));
  const anySecret = (old?.tls ?? []).some(({ secretName }) => secretErrors('', secretName).length > 0);
  errors.push(...tls.flatMap((each, index) => validateTls(`spec.tls[${index}]`, each, anySecret)));
  if (ingressClassName !== undefined) {
    errors.push(...invalidEach('spec.ingressClassName', ingressClassName, isDns1123Subdomain(ingressClassName)));
  }
  return errors;
}

const hostErrors = (host: string): string[] =>
  host.includes('*') ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host);

function secretErrors(path: string, name: string | undefined): FieldError[] {
  return name ? invalidEach(path, name, isDns1123Subdomain(name)) : [];
}

function validateTls(path: string, { hosts = [], secretName }: IngressTLS, anySecret: boolean): FieldError[] {
  const errors = hosts.flatMap((host, index) => invalidEach(`${path}.hosts[${index}]`, host, hostErrors(host)));
  return anySecret ? errors : [...errors, ...secretErrors(`${path}.secretName`, secretName)];
}

function validateRule(path: string, rule: IngressRule, anyUnderWildcard: boolean): FieldError[] {
  const { host = '' } = rule;
  const errors: FieldError[] = [];
  if (host !== '' && parseIp(host)) {
    errors.push(invalidValue(`${path}.host`, host, 'must be a DNS name, not an IP address'));
  }
  if (host !== '') errors.push(...invalidEach(`${path}.host`, host, hostErrors(host)));
  return anyUnderWildcard && host.includes('*') ? errors : [...errors, ...validateHttp(path, rule)];
}

function validateHttp(path: string, { http }: IngressRule): FieldError[] {
  if (http === undefined) return [];
  const paths = http.paths ?? [];
  if (paths.length === 0) return [required(`${path}.http.paths`)];
  return paths.flatMap((each, index) => validatePath(`${path}.http.paths[${index}]`, each));
}

function validatePath(path: string, { path: text = '', pathType, backend }: HTTPIngressPath): FieldError[] {
  if (pathType === undefined) return [required(`${path}.pathType`, 'pathType must be specified')];
  const errors: FieldError[] = [];
  const bad = (detail: string): number => errors.push(invalidValue(`${path}.path`, text, detail));
  if (!pathTypes.includes(pathType)) errors.push(notSupported(`${path}.pathType`, pathType, pathTypes));
  else if (pathType === 'ImplementationSpecific') {
    if (text !== '' && !text.startsWith('/')) bad('must be an absolute path');
  } else {
    if (!text.startsWith('/')) bad('must be an absolute path');
    for (const part of badPathParts) if (text.includes(part)) bad(`must not contain '${part}'`);
    for (const end of badPathEnds) if (text.endsWith(end)) bad(`cannot end with '${end}'`);
  }
  return [...errors, ...validateBackend(`${path}.backend`, backend ?? {})];
}

function validateBackend(path: string, { service, resource }: IngressBackend): FieldError[] {
  if (service && resource) return [invalidValue(path, '', 'cannot set both resource and service backends')];
  if (resource) return validateTypedReference(`${path}.resource`, resource);
  if (service === undefined) return [invalidValue(path, '', 'resource or service backend is required')];
  const errors = requiredName(`${path}.service.name`, service.name, isDns1123Label);
  const { name = '', number = 0 } = service.port ?? {};
  const at = `${path}.service.port`;
  if (name !== '' && number !== 0) errors.push(invalidValue(path, '', 'cannot set both port name & port number'));
  else if (name !== '') errors.push(...invalidEach(`${at}.name`, name, isPortName(name)));
  else if (number !== 0) errors.push(...invalidEach(`${at}.number`, number, isPortNumber(number)));
  else errors.push(required(path, 'port name or number is required'));
  return errors;
}

function validateTypedReference(path: string, reference: Omit<TypedLocalObjectReference, never>): FieldError[] {
  const { apiGroup, kind, name } = reference;
  return [
    ...(apiGroup === undefined ? [] : invalidEach(`${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup))),
    ...requiredName(`${path}.kind`, kind, isPathSegmentName),
    ...requiredName(`${path}.name`, name, isPathSegmentName),
  ];
}

export function validateIngressStatus({ status }: Ingress, { status: old }: Ingress): FieldError[] {
  const before = new Set((old?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []));
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, index) => {
    const path = `status.loadBalancer.ingress[${index}]`;
    return [
      ...(ip ? ipErrors(`${path}.ip`, ip, before) : []),
      ...(hostname ? addressNameErrors(`${path}.hostname`, hostname) : []),
    ];
  });
}

/** The name under which a load balancer is reached. */
export function addressNameErrors(path: string, name: string): FieldError[] {
  const errors = invalidEach(path, name, isDns1123Subdomain(name));
  return parseIp(name) ? [...errors, invalidValue(path, name, 'must be a DNS name, not an IP address')] : errors;
}

/** Upstream tells once, of new objects alone. */
export function ingressWarnings({ metadata }: Ingress, old?: Ingress): string[] {
  if (old !== undefined || metadata?.annotations?.[classAnnotation] === undefined) return [];
  return [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`];
}

export function validateIngressClass({ spec }: IngressClass): FieldError[] {
  const { controller = '', parameters } = spec ?? {};
  const errors =
    Buffer.byteLength(controller) > controllerBytesMax ? [tooLong('spec.controller', controllerBytesMax)] : [];
  return [
    ...errors,
    ...domainPrefixedPath('spec.controller', controller),
    ...(parameters ? validateParameters('spec.parameters', parameters) : []),
  ];
}

const scopes = ['Cluster', 'Namespace'];

function validateParameters(path: string, parameters: IngressClassParametersReference): FieldError[] {
  const { scope, namespace } = parameters;
  const errors = validateTypedReference(path, parameters);
  if (scope === undefined) return [...errors, required(`${path}.scope`)];
  if (!scopes.includes(scope)) return [...errors, notSupported(`${path}.scope`, scope, scopes)];
  if (scope === 'Cluster') {
    const detail = "`parameters.scope` is set to 'Cluster'";
    return namespace === undefined ? errors : [...errors, forbiddenField(`${path}.namespace`, detail)];
  }
  if (namespace === undefined) {
    return [...errors, required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'")];
  }
  return [...errors, ...invalidEach(`${path}.namespace`, namespace, isDns1123Label(namespace))];
}

export function validateIngressClassUpdate({ spec }: IngressClass, { spec: old }: IngressClass): FieldError[] {
  return immutableField('spec.controller', spec?.controller ?? '', old?.controller ?? '');
}
