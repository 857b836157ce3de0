/** Who may do what, who is served first, and who asks for certificates. */

import { isPathSegmentName } from '../../api/names.ts';
import type { CertificateSigningRequest } from '../../api/schema/types/certificates-v1.ts';
import type { ClusterTrustBundle } from '../../api/schema/types/certificates-v1beta1.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../api/schema/types/rbac-v1.ts';
import type { PriorityClass } from '../../api/schema/types/scheduling-v1.ts';
import { setPriorityClassDefaults, setRoleBindingDefaults } from '../defaults/cluster.ts';
import { draftOf } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import {
  keepDecisions,
  stampConditions,
  validateCertificateRequest,
  validateDecision,
} from '../validation/certificates.ts';
import { staysBound, validateAggregation, validateBinding, validateRules } from '../validation/rbac.ts';
import { validatePriorityClass, validatePriorityClassUpdate } from '../validation/scheduling.ts';
import { validateTrustBundle, validateTrustBundleUpdate } from '../validation/trust-bundles.ts';

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

export const priorityClassStrategy: Strategy<PriorityClass> = {
  setDefaults: setPriorityClassDefaults,
  // It starts to count and never goes on, as upstream.
  prepareForCreate({ metadata }) {
    if (metadata) metadata.generation = 1;
  },
  validate: validatePriorityClass,
  updateRules: 'change only',
  validateUpdate: validatePriorityClassUpdate,
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
  prepareForStatusUpdate(request, old, { nowMs }) {
    keepDecisions(request, old);
    stampConditions(request, old, nowMs);
  },
  validateStatusUpdate: (request, old) => validateDecision(request, old, true),
  fields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
};

export const clusterTrustBundleStrategy: Strategy<ClusterTrustBundle> = {
  allowUnconditionalUpdate: false,
  // Which names are good depends on the signer: the rules below judge them.
  nameErrors: () => [],
  validate: validateTrustBundle,
  validateUpdate: validateTrustBundleUpdate,
  fields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
};
