/** networking.k8s.io: policies, ingresses and their classes, and the addresses of Services. */
import type {
  Ingress,
  IngressClass,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
} from '../../api/schema/types/networking-v1.ts';
import { setIngressClassDefaults, setNetworkPolicyDefaults } from '../defaults/network.ts';
import type { Strategy } from '../strategy.ts';
import {
  ingressWarnings,
  validateIngress,
  validateIngressClass,
  validateIngressClassUpdate,
  validateIngressStatus,
} from '../validation/ingresses.ts';
import { networkPolicyWarnings, validateNetworkPolicy } from '../validation/network-policies.ts';
import {
  ipAddressNameErrors,
  validateIpAddress,
  validateIpAddressUpdate,
  validateServiceCidr,
  validateServiceCidrUpdate,
} from '../validation/service-networks.ts';

export const networkPolicyStrategy: Strategy<NetworkPolicy> = {
  generation: true,
  setDefaults: setNetworkPolicyDefaults,
  validate: validateNetworkPolicy,
  warnings: networkPolicyWarnings,
};

export const ingressStrategy: Strategy<Ingress> = {
  generation: true,
  validate: validateIngress,
  validateStatusUpdate: validateIngressStatus,
  warnings: ingressWarnings,
};

export const ingressClassStrategy: Strategy<IngressClass> = {
  generation: true,
  updateRules: 'change first',
  setDefaults: setIngressClassDefaults,
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
};

/** Only what it names is looked at again: the rest never changes. */
export const ipAddressStrategy: Strategy<IPAddress> = {
  nameErrors: ipAddressNameErrors,
  updateRules: 'change only',
  validate: validateIpAddress,
  validateUpdate: validateIpAddressUpdate,
};

export const serviceCidrStrategy: Strategy<ServiceCIDR> = {
  updateRules: 'change only',
  validate: validateServiceCidr,
  validateUpdate: validateServiceCidrUpdate,
};
