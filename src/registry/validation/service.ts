/** The rules of Services. Which addresses and ports are free is not asked here: see `service-addresses.ts`. */
import { isIP, isIPv4 } from 'node:net';
import { duplicate, forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, isPortNumber } from '../../api/names.ts';
import type { Service, ServicePort, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, noDuplicates, oneOf, validateLabels } from './checks.ts';
import { validatePortOrName } from './container.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const affinitySecondsMax = 86_400;

export function validateService({ spec = {} }: Service): FieldError[] {
  return [
    ...oneOf('spec.type', spec.type, types),
    ...validatePorts(spec),
    ...validateLabels('spec.selector', spec.selector),
    ...validateAffinity(spec),
    ...validateAddresses(spec),
    ...validateTraffic(spec),
    ...validateExternalName(spec),
  ];
}

function validatePorts(spec: ServiceSpec): FieldError[] {
  const ports = spec.ports ?? [];
  const headless = spec.clusterIP === 'None';
  if (ports.length === 0 && !headless && spec.type !== 'ExternalName') return [required('spec.ports')];
  return [
    ...noDuplicates(
      ports.map((port) => port.name),
      (index) => `spec.ports[${index}].name`,
    ),
    ...ports.flatMap((port, index) => validatePort(`spec.ports[${index}]`, port, ports.length > 1, spec.type)),
    ...duplicatePorts(ports),
  ];
}

function validatePort(path: string, port: ServicePort, needsName: boolean, type: string | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (port.name) errors.push(...invalidEach(`${path}.name`, port.name, isDns1123Label(port.name)));
  else if (needsName) errors.push(required(`${path}.name`));
  errors.push(...invalidEach(`${path}.port`, port.port ?? 0, isPortNumber(port.port ?? 0)));
  errors.push(...oneOf(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
  errors.push(...validatePortOrName(`${path}.targetPort`, port.targetPort));
  if (port.nodePort && (type === 'ClusterIP' || type === 'ExternalName')) {
    errors.push(forbiddenField(`${path}.nodePort`, `may not be used when \`type\` is '${type}'`));
  }
  return errors;
}

function duplicatePorts(ports: readonly ServicePort[]): FieldError[] {
  const seen = new Set<string>();
  return ports.flatMap(({ protocol, port, nodePort }, index) => {
    const errors: FieldError[] = [];
    const key = `${protocol}/${port}`;
    if (seen.has(key)) {
      errors.push(duplicate(`spec.ports[${index}]`, { protocol, port }));
    }
    seen.add(key);
    const nodeKey = `node ${protocol}/${nodePort}`;
    if (nodePort && seen.has(nodeKey)) errors.push(duplicate(`spec.ports[${index}].nodePort`, nodePort));
    seen.add(nodeKey);
    return errors;
  });
}

function validateAffinity(spec: ServiceSpec): FieldError[] {
  const errors = oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds !== undefined && (seconds <= 0 || seconds > affinitySecondsMax)) {
    const path = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
    errors.push(invalidValue(path, seconds, `must be greater than 0 and less than ${affinitySecondsMax}`));
  }
  return errors;
}

function validateAddresses(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { clusterIP, clusterIPs = [] } = spec;
  if (spec.type === 'ExternalName') {
    if (clusterIP) errors.push(forbiddenField('spec.clusterIP', 'may not be set for ExternalName services'));
    return errors;
  }
  if (clusterIP === 'None' && (spec.type === 'NodePort' || spec.type === 'LoadBalancer')) {
    errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  if (clusterIP && clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    errors.push(invalidValue('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'));
  }
  for (const [index, address] of clusterIPs.entries()) {
    if (address !== 'None' && isIP(address) === 0) {
      errors.push(
        invalidValue(
          `spec.clusterIPs[${index}]`,
          address,
          'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ),
      );
    }
  }
  for (const [index, address] of (spec.externalIPs ?? []).entries()) {
    const usable = isIP(address) !== 0 && !address.startsWith('127.') && address !== '::1';
    if (!usable)
      errors.push(
        invalidValue(
          `spec.externalIPs[${index}]`,
          address,
          'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ),
      );
  }
  return errors;
}

function validateTraffic(spec: ServiceSpec): FieldError[] {
  const errors = [
    ...oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local']),
    ...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']),
  ];
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs?.length ?? 0) > 0;
  if (spec.externalTrafficPolicy && !external) {
    errors.push(
      invalidValue(
        'spec.externalTrafficPolicy',
        spec.externalTrafficPolicy,
        'may only be set for externally-accessible services',
      ),
    );
  }
  if (spec.type !== 'LoadBalancer') {
    if (spec.loadBalancerClass) {
      errors.push(forbiddenField('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"));
    }
    if (spec.allocateLoadBalancerNodePorts !== undefined) {
      errors.push(
        forbiddenField('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"),
      );
    }
  }
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    if (!isCidr(range.trim())) {
      const path = `spec.loadBalancerSourceRanges[${index}]`;
      errors.push(invalidValue(path, range, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
    }
  }
  return errors;
}

export function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || isIP(address) === 0 || !/^[0-9]{1,3}$/.test(bits)) return false;
  return Number(bits) <= (isIPv4(address) ? 32 : 128);
}

function validateExternalName(spec: ServiceSpec): FieldError[] {
  if (spec.type !== 'ExternalName') return [];
  if (!spec.externalName) return [required('spec.externalName')];
  const name = spec.externalName.replace(/\.$/, '');
  return invalidEach('spec.externalName', spec.externalName, isDns1123Subdomain(name));
}

/** An address stays with its Service while it has one; a Service may take one, or give it up by becoming an ExternalName. */
export function validateServiceUpdate({ spec = {} }: Service, { spec: old = {} }: Service): FieldError[] {
  const keepsAddress = spec.type !== 'ExternalName' && old.type !== 'ExternalName' && old.clusterIP;
  if (!keepsAddress) return [];
  if ((spec.clusterIPs?.[0] ?? '') === (old.clusterIPs?.[0] ?? '')) return [];
  return [invalidValue('spec.clusterIPs[0]', spec.clusterIPs ?? null, 'may not change once set')];
}
