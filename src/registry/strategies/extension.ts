/** What extends or steers the API: webhooks, policies, CRDs, APIServices, flow control. */
import { isPathSegmentName } from '../../api/names.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../../api/schema/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/schema/types/flowcontrol-v1.ts';
import type { RuntimeClass } from '../../api/schema/types/node-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { doomedDefinition } from '../custom/deletion.ts';
import { setBindingDefaults, setPolicyDefaults } from '../defaults/admission.ts';
import {
  setCustomResourceDefinitionDefaults,
  setMutatingWebhookDefaults,
  setWebhookDefaults,
} from '../defaults/cluster.ts';
import { setApiServiceDefaults, setFlowSchemaDefaults, setPriorityLevelDefaults } from '../defaults/flow-control.ts';
import { type Draft, draftOf } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { validateApiService, validateApiServiceStatus } from '../validation/api-service.ts';
import {
  validateCustomResourceDefinition,
  validateCustomResourceDefinitionStatus,
} from '../validation/custom-resource-definition.ts';
import { formatWarnings } from '../validation/custom-resource-formats.ts';
import { validateFlowConditions, validateFlowSchema } from '../validation/flow-control.ts';
import { deprecatedNodeLabel } from '../validation/node-label-warnings.ts';
import {
  validateMutatingBinding,
  validateMutatingPolicy,
  validateValidatingBinding,
  validateValidatingPolicy,
  validateValidatingPolicyStatus,
} from '../validation/policies.ts';
import { validatePriorityLevel } from '../validation/priority-level.ts';
import { validateRuntimeClass, validateRuntimeClassUpdate } from '../validation/scheduling.ts';
import { validateWebhooks } from '../validation/webhooks.ts';

const counted = { generation: true, allowUnconditionalUpdate: false } as const;

export const validatingWebhookStrategy: Strategy<ValidatingWebhookConfiguration> = {
  ...counted,
  setDefaults: setWebhookDefaults,
  validate: validateWebhooks,
};

export const mutatingWebhookStrategy: Strategy<MutatingWebhookConfiguration> = {
  ...counted,
  setDefaults: setMutatingWebhookDefaults,
  validate: validateWebhooks,
};

export const validatingPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  ...counted,
  setDefaults: setPolicyDefaults,
  validate: validateValidatingPolicy,
  validateStatusUpdate: validateValidatingPolicyStatus,
};

export const validatingPolicyBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  ...counted,
  setDefaults: setBindingDefaults,
  validate: validateValidatingBinding,
};

export const mutatingPolicyStrategy: Strategy<MutatingAdmissionPolicy> = {
  ...counted,
  setDefaults: setPolicyDefaults,
  validate: validateMutatingPolicy,
};

export const mutatingPolicyBindingStrategy: Strategy<MutatingAdmissionPolicyBinding> = {
  ...counted,
  setDefaults: setBindingDefaults,
  validate: validateMutatingBinding,
};

export const customResourceDefinitionStrategy: Strategy<CustomResourceDefinition> = {
  ...counted,
  setDefaults: setCustomResourceDefinitionDefaults,
  doomed: doomedDefinition,
  prepareForCreate: noteStorageVersion,
  prepareForUpdate: noteStorageVersion,
  validate: validateCustomResourceDefinition,
  validateStatusUpdate: validateCustomResourceDefinitionStatus,
  warnings: formatWarnings,
};

/** Objects may be stored in each version that ever was the one to store. */
function noteStorageVersion(definition: Draft<CustomResourceDefinition>): void {
  const stored = definition.spec?.versions?.find(({ storage }) => storage)?.name;
  const names = definition.status?.storedVersions ?? [];
  if (stored === undefined || names.includes(stored)) return;
  // The status may be the old object's own.
  definition.status = { ...draftOf(definition.status ?? {}), storedVersions: [...names, stored] };
}

export const apiServiceStrategy: Strategy<APIService> = {
  allowUnconditionalUpdate: false,
  // That of the group without a name is called `v1.`.
  nameErrors: isPathSegmentName,
  statusKeepsMetadata: true,
  setDefaults: setApiServiceDefaults,
  prepareForCreate(draft, { nowMs }) {
    // What this server answers for itself is there at once; of all others somebody finds out.
    if (draft.spec?.service) delete draft.status;
    else draft.status = { conditions: [localApiServiceCondition(nowMs)] };
  },
  validate: validateApiService,
  validateStatusUpdate: validateApiServiceStatus,
};

export const localApiServiceCondition = (nowMs: number) => ({
  type: 'Available',
  status: 'True',
  lastTransitionTime: formatTime(nowMs),
  reason: 'Local',
  message: 'Local APIServices are always available',
});

export const flowSchemaStrategy: Strategy<FlowSchema> = {
  ...counted,
  setDefaults: setFlowSchemaDefaults,
  validate: validateFlowSchema,
  validateStatusUpdate: ({ status }) => validateFlowConditions(status?.conditions),
};

export const priorityLevelStrategy: Strategy<PriorityLevelConfiguration> = {
  ...counted,
  setDefaults: setPriorityLevelDefaults,
  validate: validatePriorityLevel,
  validateStatusUpdate: ({ status }) => validateFlowConditions(status?.conditions),
};

export const runtimeClassStrategy: Strategy<RuntimeClass> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
  warnings: ({ scheduling }) => Object.keys(scheduling?.nodeSelector ?? {}).flatMap(oldLabelWarning),
};

function oldLabelWarning(key: string): string[] {
  const message = deprecatedNodeLabel(key);
  return message === undefined ? [] : [`scheduling.nodeSelector: ${message}`];
}
