/**
 * All control loops. They share the informers, which must be started by whoever starts the loops, before or after: each loop waits
 * for the caches that it reads.
 *
 * To add one: a folder with a pure `decide.ts` and a `controller.ts`, and a line here.
 */
import type { Service } from '../lib/service.ts';
import { bootstrapTokenControllers } from './bootstrap-tokens/controller.ts';
import { certificateControllers } from './certificates/index.ts';
import { clusterRoleAggregation } from './cluster-role-aggregation.ts';
import { deploymentController } from './deployment/controller.ts';
import { disruptionControllers } from './disruption/controller.ts';
import { eventExpiry } from './event-expiry.ts';
import { garbageCollector } from './garbage-collector/controller.ts';
import { namespaceController } from './namespace/controller.ts';
import { rootCaPublisher, serviceAccountController } from './namespace-defaults.ts';
import { nodeLifecycleController } from './node-lifecycle/controller.ts';
import { podGarbageCollector } from './pod-gc.ts';
import { replicaSetController } from './replica-set/controller.ts';
import { resourceQuotaController } from './resource-quota/controller.ts';
import { serviceAccountTokenControllers } from './service-account-tokens/controller.ts';
import type { ControllerContext } from './shared/context.ts';
import { storageProtection } from './storage-protection/controller.ts';

export type { ControllerContext } from './shared/context.ts';

/** The loops, each a `Service` with its name. `context.informers` is not among them. */
export function allControllers(context: ControllerContext): Service[] {
  return [
    serviceAccountController(context),
    rootCaPublisher(context),
    ...certificateControllers(context),
    ...serviceAccountTokenControllers(context),
    replicaSetController(context),
    deploymentController(context),
    namespaceController(context),
    garbageCollector(context),
    podGarbageCollector(context),
    nodeLifecycleController(context),
    ...disruptionControllers(context),
    eventExpiry(context),
    clusterRoleAggregation(context),
    ...bootstrapTokenControllers(context),
    resourceQuotaController(context),
    ...storageProtection(context),
  ];
}
