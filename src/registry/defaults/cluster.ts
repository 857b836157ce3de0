/** Defaults of the kinds that configure the cluster: namespaces, nodes, roles, webhooks, autoscalers and the like. */
import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../../api/schema/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import type { HorizontalPodAutoscaler, HPAScalingRules } from '../../api/schema/types/autoscaling-v2.ts';
import type { LimitRange, LimitRangeItem, Namespace, Node, ResourceQuota } from '../../api/schema/types/core-v1.ts';
import type { ClusterRoleBinding, RoleBinding } from '../../api/schema/types/rbac-v1.ts';
import type { PriorityClass } from '../../api/schema/types/scheduling-v1.ts';
import { type Draft, setDefault, setDefaultText } from '../draft.ts';
import { roundAmounts } from './pod-resources.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

/** Every namespace carries its own name as a label, so that selectors can name it. */
export function setNamespaceDefaults(namespace: Draft<Namespace>): void {
  const metadata = (namespace.metadata ??= {});
  if (metadata.name) metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
  setDefaultText((namespace.status ??= {}), 'phase', 'Active');
}

export function setNodeDefaults(node: Draft<Node>): void {
  const { status } = node;
  if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
  roundAmounts(status?.capacity);
  roundAmounts(status?.allocatable);
}

export function setResourceQuotaDefaults({ spec, status }: Draft<ResourceQuota>): void {
  for (const amounts of [spec?.hard, status?.hard, status?.used]) roundAmounts(amounts);
}

/** What is not said follows from what is: limits from maxima, requests from limits, then from minima. */
export function setLimitRangeDefaults({ spec }: Draft<LimitRange>): void {
  for (const item of spec?.limits ?? []) {
    if (item.type === 'Container') setContainerLimitDefaults(item);
    const { max, min, default: limits, defaultRequest, maxLimitRequestRatio } = item;
    for (const amounts of [max, min, limits, defaultRequest, maxLimitRequestRatio]) roundAmounts(amounts);
  }
}

function setContainerLimitDefaults(item: Draft<LimitRangeItem>): void {
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = limits;
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

export function setRoleBindingDefaults(binding: Draft<RoleBinding> | Draft<ClusterRoleBinding>): void {
  if (binding.roleRef) setDefaultText(binding.roleRef, 'apiGroup', rbacGroup);
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') setDefaultText(subject, 'apiGroup', rbacGroup);
  }
}

export function setPriorityClassDefaults(priorityClass: Draft<PriorityClass>): void {
  setDefault(priorityClass, 'preemptionPolicy', 'PreemptLowerPriority');
}

export function setAutoscalerDefaults({ spec }: Draft<HorizontalPodAutoscaler>): void {
  if (spec === undefined) return;
  setDefault(spec, 'minReplicas', 1);
  if (!spec.metrics?.length) {
    const target = { type: 'Utilization', averageUtilization: 80 };
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
  }
  const { behavior } = spec;
  if (behavior === undefined) return;
  // Who says something of one way gets the rules of the other, too.
  setScaleUpDefaults((behavior.scaleUp ??= {}));
  setScalingRuleDefaults((behavior.scaleDown ??= {}), [{ type: 'Percent', value: 100, periodSeconds: 15 }]);
}

function setScaleUpDefaults(rules: Draft<HPAScalingRules>): void {
  setDefault(rules, 'stabilizationWindowSeconds', 0);
  setScalingRuleDefaults(rules, [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ]);
}

function setScalingRuleDefaults(
  rules: Draft<HPAScalingRules>,
  policies: NonNullable<Draft<HPAScalingRules>['policies']>,
): void {
  setDefault(rules, 'selectPolicy', 'Max');
  // An empty list was meant: it is refused.
  rules.policies ??= policies;
}

export function setWebhookDefaults(
  configuration: Draft<ValidatingWebhookConfiguration> | Draft<MutatingWebhookConfiguration>,
): void {
  for (const webhook of configuration.webhooks ?? []) {
    setDefault(webhook, 'failurePolicy', 'Fail');
    setDefault(webhook, 'matchPolicy', 'Equivalent');
    setDefault(webhook, 'namespaceSelector', {});
    setDefault(webhook, 'objectSelector', {});
    setDefault(webhook, 'timeoutSeconds', 10);
    for (const rule of webhook.rules ?? []) setDefault(rule, 'scope', '*');
    if (webhook.clientConfig?.service) setDefault(webhook.clientConfig.service, 'port', 443);
  }
}

export function setMutatingWebhookDefaults(configuration: Draft<MutatingWebhookConfiguration>): void {
  setWebhookDefaults(configuration);
  for (const webhook of configuration.webhooks ?? []) setDefault(webhook, 'reinvocationPolicy', 'Never');
}

export function setCustomResourceDefinitionDefaults({ spec }: Draft<CustomResourceDefinition>): void {
  if (spec === undefined) return;
  if (spec.names?.kind) {
    setDefaultText(spec.names, 'singular', spec.names.kind.toLowerCase());
    setDefaultText(spec.names, 'listKind', `${spec.names.kind}List`);
  }
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) setDefault(service, 'port', 443);
}
