/** Which rules are asked about which kind. A new kind is a row. */
import {
  cronJobs,
  customResourceDefinitions,
  daemonSets,
  deployments,
  gateways,
  grpcRoutes,
  horizontalPodAutoscalers,
  httpRoutes,
  ingresses,
  jobs,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  services,
  statefulSets,
  tcpRoutes,
  tlsRoutes,
  udpRoutes,
} from '../client/resources.ts';
import { apiServiceRules, apiServices, definitionRules } from './cluster/api-services.ts';
import { nodeRules } from './cluster/nodes.ts';
import { mutatingWebhooks, validatingWebhooks, webhookRules } from './cluster/webhooks.ts';
import { customRules } from './custom.ts';
import { deletionRules } from './deletion/deletion.ts';
import { namespaceRules } from './deletion/namespace.ts';
import { type RuleTable, rulesFor } from './inquiry.ts';
import { gatewayRules, routeRules } from './network/gateways.ts';
import { ingressRules } from './network/ingress.ts';
import { serviceRules } from './network/service.ts';
import { podRules } from './pods/index.ts';
import { claimRules, volumeRules } from './storage/claims.ts';
import { cronJobRules, jobRules } from './workloads/jobs.ts';
import { autoscalerRules, disruptionBudgetRules } from './workloads/policies.ts';
import { daemonSetRules, deploymentRules, replicaSetRules, statefulSetRules } from './workloads/replicated.ts';

/** Those that `naru why` alone looks through, workloads first, so that what is told of their pods is told once. */
export const watchedInNamespace = [
  deployments,
  statefulSets,
  daemonSets,
  jobs,
  cronJobs,
  replicationControllers,
  replicaSets,
  pods,
  ingresses,
  gateways,
  httpRoutes,
  services,
  persistentVolumeClaims,
  horizontalPodAutoscalers,
  podDisruptionBudgets,
] as const;

/** And across the cluster. */
export const watchedInCluster = [
  nodes,
  namespaces,
  persistentVolumes,
  customResourceDefinitions,
  apiServices,
  validatingWebhooks,
  mutatingWebhooks,
] as const;

export const ruleTable: RuleTable = {
  always: [deletionRules],
  otherwise: [customRules],
  byKind: [
    rulesFor(pods, ...podRules),
    rulesFor(deployments, deploymentRules),
    rulesFor(replicaSets, replicaSetRules),
    rulesFor(replicationControllers, replicaSetRules),
    rulesFor(statefulSets, statefulSetRules),
    rulesFor(daemonSets, daemonSetRules),
    rulesFor(jobs, jobRules),
    rulesFor(cronJobs, cronJobRules),
    rulesFor(horizontalPodAutoscalers, autoscalerRules),
    rulesFor(podDisruptionBudgets, disruptionBudgetRules),
    rulesFor(services, serviceRules),
    rulesFor(ingresses, ingressRules),
    rulesFor(gateways, gatewayRules),
    ...[httpRoutes, grpcRoutes, tlsRoutes, tcpRoutes, udpRoutes].map((resource) => rulesFor(resource, routeRules)),
    rulesFor(persistentVolumeClaims, claimRules),
    rulesFor(persistentVolumes, volumeRules),
    rulesFor(nodes, nodeRules),
    rulesFor(namespaces, namespaceRules),
    rulesFor(customResourceDefinitions, definitionRules),
    rulesFor(apiServices, apiServiceRules),
    rulesFor(validatingWebhooks, webhookRules),
    rulesFor(mutatingWebhooks, webhookRules),
  ],
};
