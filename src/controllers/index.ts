/**
 * All control loops. They share the informers, which must be started by whoever starts the loops, before or after: each loop waits
 * for the caches that it reads.
 *
 * To add one: a folder with a pure `decide.ts` and a `controller.ts`, and a line here.
 */
import type { EventRecorder } from '../client/events.ts';
import type { Service } from '../lib/service.ts';
import { attachDetachController } from './attach-detach/controller.ts';
import { bootstrapTokenControllers } from './bootstrap-tokens/controller.ts';
import { certificateControllers } from './certificates/index.ts';
import { clusterRoleAggregation } from './cluster-role-aggregation.ts';
import { cronJobController } from './cron-job/controller.ts';
import { daemonSetController } from './daemon-set/controller.ts';
import { dependencyGateController } from './dependency-gate/controller.ts';
import { deploymentController } from './deployment/controller.ts';
import { deviceTaintEvictionController } from './device-taint-eviction/controller.ts';
import { disruptionControllers } from './disruption/controller.ts';
import { endpointSliceController } from './endpoint-slice/controller.ts';
import { endpointSliceMirroringController } from './endpoint-slice-mirroring/controller.ts';
import { endpointsController } from './endpoints/controller.ts';
import { ephemeralVolumeController } from './ephemeral-volume.ts';
import { eventExpiry } from './event-expiry.ts';
import { garbageCollector } from './garbage-collector/controller.ts';
import { jobController } from './job/controller.ts';
import { localVolumeProvisioner } from './local-volumes/controller.ts';
import { namespaceController } from './namespace/controller.ts';
import { rootCaPublisher, serviceAccountController } from './namespace-defaults.ts';
import { nodeIpamController } from './node-ipam/controller.ts';
import { nodeLifecycleControllers } from './node-lifecycle/controller.ts';
import { persistentVolumeBinder } from './persistent-volume/controller.ts';
import { podGarbageCollector } from './pod-gc.ts';
import { podGroupProtection } from './pod-group-protection.ts';
import { reloadController } from './reload/controller.ts';
import { replicaSetController, replicationController } from './replica-set/controller.ts';
import { resourceClaimController } from './resource-claim/controller.ts';
import { resourceQuotaController } from './resource-quota/controller.ts';
import { serviceAccountTokenControllers } from './service-account-tokens/controller.ts';
import { serviceCidrController } from './service-cidrs/controller.ts';
import type { ControllerContext } from './shared/context.ts';
import { statefulSetController } from './stateful-set/controller.ts';
import { storageProtection } from './storage-protection/controller.ts';
import { taintEvictionController } from './taint-eviction/controller.ts';
import { ttlAfterFinished } from './ttl-after-finished.ts';
import { validatingPolicyStatus } from './validating-policy-status.ts';
import { volumeExpansion } from './volume-expansion.ts';

export type { ControllerContext } from './shared/context.ts';

/** The loops, each a `Service` with its name, and those of another layer. `context.informers` is not among them. */
export function allControllers(
  outer: ControllerContext,
  others: (context: ControllerContext) => readonly Service[] = () => [],
): Service[] {
  const recorders = new Set<EventRecorder>();
  const context = { ...outer, recorders };
  return [
    closedLast(recorders),
    serviceAccountController(context),
    rootCaPublisher(context),
    ...certificateControllers(context),
    ...serviceAccountTokenControllers(context),
    replicaSetController(context),
    replicationController(context),
    deploymentController(context),
    dependencyGateController(context),
    jobController(context),
    cronJobController(context),
    ttlAfterFinished(context),
    reloadController(context),
    statefulSetController(context),
    daemonSetController(context),
    endpointsController(context),
    endpointSliceController(context),
    endpointSliceMirroringController(context),
    serviceCidrController(context),
    namespaceController(context),
    garbageCollector(context),
    podGarbageCollector(context),
    ...nodeLifecycleControllers(context),
    taintEvictionController(context),
    ...nodeIpamController(context),
    ...disruptionControllers(context),
    eventExpiry(context),
    clusterRoleAggregation(context),
    ...bootstrapTokenControllers(context),
    resourceQuotaController(context),
    ...storageProtection(context),
    podGroupProtection(context),
    ...persistentVolumeBinder(context),
    ...localVolumeProvisioner(context),
    ...attachDetachController(context),
    ephemeralVolumeController(context),
    volumeExpansion(context),
    resourceClaimController(context),
    deviceTaintEvictionController(context),
    ...validatingPolicyStatus(context),
    ...others(context),
  ];
}

/** What the loops said until they stopped is written once more; nobody tries again for a loop that is gone. */
function closedLast(recorders: ReadonlySet<EventRecorder>): Service {
  return {
    name: 'events',
    start: () => Promise.resolve(),
    close: async () => {
      await Promise.all(Array.from(recorders, (recorder) => recorder.close()));
    },
  };
}
