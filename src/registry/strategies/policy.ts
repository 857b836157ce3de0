/** Who may do what, who is served first, what may be disturbed, and who asks for certificates. */

import { forbiddenField, invalidValue } from '../../api/field-error.ts';
import { isPathSegmentName } from '../../api/names.ts';
import type { CertificateSigningRequest } from '../../api/schema/types/certificates-v1.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../api/schema/types/rbac-v1.ts';
import type { PriorityClass } from '../../api/schema/types/scheduling-v1.ts';
import { setPriorityClassDefaults, setRoleBindingDefaults } from '../defaults/cluster.ts';
import { draftOf, sameJson } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import {
  keepDecisions,
  stampConditions,
  validateCertificateRequest,
  validateDecision,
} from '../validation/certificates.ts';
import { countOrPercent, notAbove100Percent, validateLabelSelector } from '../validation/checks.ts';
import { unchangeable } from '../validation/cluster.ts';
import { staysBound, validateAggregation, validateBinding, validateRules } from '../validation/rbac.ts';

const roleCommon = { allowCreateOnUpdate: true, nameErrors: isPathSegmentName } as const;
export const roleStrategy: Strategy<Role> = {
  ...roleCommon,
  validate: ({ rules }) => validateRules(rules ?? [], true),
};
export const clusterRoleStrategy: Strategy<ClusterRole> = {
  ...roleCommon,
  validate: ({ rules, aggregationRule }) => [
    ...validateRules(rules ?? [], false),
    ...validateAggregation(aggregationRule),
  ],
};

const bindingCommon = { ...roleCommon, setDefaults: setRoleBindingDefaults } as const;
export const roleBindingStrategy: Strategy<RoleBinding> = {
  ...bindingCommon,
  validate: ({ roleRef, subjects }) => validateBinding(roleRef, subjects ?? [], true),
  validateUpdate: (binding, old) => staysBound(binding.roleRef, old.roleRef),
};
export const clusterRoleBindingStrategy: Strategy<ClusterRoleBinding> = {
  ...bindingCommon,
  validate: ({ roleRef, subjects }) => validateBinding(roleRef, subjects ?? [], false),
  validateUpdate: (binding, old) => staysBound(binding.roleRef, old.roleRef),
};

/** Priorities above this are for the cluster's own. */
const userPriorityMax = 1_000_000_000;

export const priorityClassStrategy: Strategy<PriorityClass> = {
  generation: true,
  setDefaults: setPriorityClassDefaults,
  validate({ value = 0, metadata }) {
    const own = metadata?.name?.startsWith('system-');
    if (value <= userPriorityMax || own) return [];
    return [forbiddenField('value', `maximum allowed value of a user defined priority is ${userPriorityMax}`)];
  },
  validateUpdate(priorityClass, old) {
    const errors = [];
    if ((priorityClass.value ?? 0) !== (old.value ?? 0)) {
      errors.push(forbiddenField('value', 'may not be changed in an update.'));
    }
    if (priorityClass.preemptionPolicy !== old.preemptionPolicy) {
      errors.push(invalidValue('preemptionPolicy', priorityClass.preemptionPolicy ?? '', 'field is immutable'));
    }
    return errors;
  },
};

export const podDisruptionBudgetStrategy: Strategy<PodDisruptionBudget> = {
  generation: true,
  allowUnconditionalUpdate: false,
  validate({ spec = {} }) {
    const { minAvailable, maxUnavailable } = spec;
    const errors = [
      ...validateLabelSelector('spec.selector', spec.selector),
      ...countOrPercent('spec.minAvailable', minAvailable),
      ...notAbove100Percent('spec.minAvailable', minAvailable),
      ...countOrPercent('spec.maxUnavailable', maxUnavailable),
      ...notAbove100Percent('spec.maxUnavailable', maxUnavailable),
    ];
    if (minAvailable !== undefined && maxUnavailable !== undefined) {
      errors.push(invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
    }
    return errors;
  },
};

/** The request says who made it: the API server writes that, never the client. What was asked does not change. */
export const certificateSigningRequestStrategy: Strategy<CertificateSigningRequest> = {
  nameErrors: () => [],
  prepareForCreate(request, { user }) {
    if (request.spec === undefined) return;
    request.spec.username = user.name;
    request.spec.groups = [...user.groups];
    if (user.uid) request.spec.uid = user.uid;
    else delete request.spec.uid;
    if (user.extra) request.spec.extra = draftOf(user.extra);
    else delete request.spec.extra;
  },
  prepareForUpdate(request, old) {
    if (old.spec) request.spec = draftOf(old.spec);
  },
  validate: validateCertificateRequest,
  validateUpdate: (request, old) =>
    sameJson(request.spec, old.spec) ? [] : unchangeable('spec', request.spec, old.spec),
  prepareForStatusUpdate(request, old, { nowMs }) {
    keepDecisions(request, old);
    stampConditions(request, old, nowMs);
  },
  validateStatusUpdate: (request, old) => validateDecision(request, old, true),
  fields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
};
