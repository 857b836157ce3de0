/** What extends or steers the API and the network: webhooks, CRDs, APIServices, autoscalers, ingresses, flow schemas, devices. */

import { invalidValue } from '../../api/field-error.ts';
import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../../api/schema/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import type { HorizontalPodAutoscaler } from '../../api/schema/types/autoscaling-v2.ts';
import type { NetworkPolicy } from '../../api/schema/types/networking-v1.ts';
import type { ResourceSlice } from '../../api/schema/types/resource-v1.ts';
import {
  setAutoscalerDefaults,
  setCustomResourceDefinitionDefaults,
  setMutatingWebhookDefaults,
  setWebhookDefaults,
} from '../defaults/cluster.ts';
import { setNetworkPolicyDefaults } from '../defaults/network.ts';
import type { Strategy } from '../strategy.ts';
import { requiredText } from '../validation/checks.ts';
import { validateNetworkPolicy } from '../validation/cluster.ts';

export const validatingWebhookStrategy: Strategy<ValidatingWebhookConfiguration> = {
  generation: true,
  allowUnconditionalUpdate: false,
  setDefaults: setWebhookDefaults,
};

export const mutatingWebhookStrategy: Strategy<MutatingWebhookConfiguration> = {
  generation: true,
  allowUnconditionalUpdate: false,
  setDefaults: setMutatingWebhookDefaults,
};

export const customResourceDefinitionStrategy: Strategy<CustomResourceDefinition> = {
  generation: true,
  allowUnconditionalUpdate: false,
  statusKeepsMetadata: true,
  setDefaults: setCustomResourceDefinitionDefaults,
  validate({ metadata, spec }) {
    const wanted = `${spec?.names?.plural ?? ''}.${spec?.group ?? ''}`;
    if (metadata?.name === wanted) return [];
    return [invalidValue('metadata.name', metadata?.name ?? '', 'must be spec.names.plural+"."+spec.group')];
  },
};

export const autoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  setDefaults: setAutoscalerDefaults,
  validate({ spec }) {
    const errors = [
      ...requiredText('spec.scaleTargetRef.kind', spec?.scaleTargetRef?.kind),
      ...requiredText('spec.scaleTargetRef.name', spec?.scaleTargetRef?.name),
    ];
    const [min, max] = [spec?.minReplicas ?? 1, spec?.maxReplicas ?? 0];
    if (min < 1) errors.push(invalidValue('spec.minReplicas', min, 'must be greater than or equal to 1'));
    if (max < 1) errors.push(invalidValue('spec.maxReplicas', max, 'must be greater than 0'));
    else if (max < min)
      errors.push(invalidValue('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
    return errors;
  },
};

export const networkPolicyStrategy: Strategy<NetworkPolicy> = {
  generation: true,
  setDefaults: setNetworkPolicyDefaults,
  validate: validateNetworkPolicy,
};

export const resourceSliceStrategy: Strategy<ResourceSlice> = {
  generation: true,
  fields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.driver': ({ spec }) => spec?.driver ?? '',
  },
};

/** Nothing special but a generation that counts changes. */
export const countedStrategy: Strategy = { generation: true };

/** Nothing special but that a PUT must say what it replaces. */
export const conditionalStrategy: Strategy = { allowUnconditionalUpdate: false };

export const countedConditionalStrategy: Strategy = { generation: true, allowUnconditionalUpdate: false };

export const apiServiceStrategy: Strategy = { allowUnconditionalUpdate: false, statusKeepsMetadata: true };
