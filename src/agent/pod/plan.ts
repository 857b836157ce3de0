/**
 * What the pod worker sees and what it decides, as data. `decide-pod.ts` maps the one to the other; `pod-worker.ts` observes
 * and carries out.
 */
import type { Pod, PodStatus, ResourceStatus } from '../../api/schema/types/core-v1.ts';
import type { ContainerStatus, PodIdentity, SandboxStatus } from '../runtime.ts';
import type { ResizeView } from './resize-view.ts';
import type { RestartBackoff } from './restart.ts';

/** What is known of the image for the next start of a container. */
export type ImageState =
  | { readonly kind: 'pulling' }
  | { readonly kind: 'present'; readonly imageId: string }
  | {
      readonly kind: 'failed';
      /** The container's, or that of a volume which it mounts; the container's where absent. */
      readonly image?: string;
      /** `ErrImagePull`, `InvalidImageName`, `ErrImageNeverPull`, … */
      readonly reason: string;
      readonly message: string;
      readonly failedAtMs: number;
      readonly retryAtMs: number;
    };

/** A step failed; it is tried again at `retryAtMs`. */
export interface Failure {
  /** The waiting reason that the status shows: `CreateContainerConfigError`, `RunContainerError`, … */
  readonly reason: string;
  readonly message: string;
  readonly retryAtMs: number;
}

/** Why the node does not keep a pod. */
export interface NodeFailure {
  readonly reason: string;
  readonly message: string;
  /** It was never taken. */
  readonly isRefused?: true;
  /** Less than the pod asks for; absent: its own. */
  readonly graceMs?: number;
  /** For the node's sake, and not because of what the pod did: its condition DisruptionTarget says so. */
  readonly isDisruption?: boolean;
}

export type Verdict = 'unknown' | 'success' | 'failure';

/** What the probes of one container run say; `unknown` where there is no such probe, or none has come to a result. */
export interface ProbeVerdicts {
  readonly startup: Verdict;
  readonly liveness: Verdict;
  readonly readiness: Verdict;
}

export interface PodObservation {
  readonly identity: PodIdentity;
  /** As the API has it; undefined: it has no such pod (any more). */
  readonly pod: Pod | undefined;
  /** As the API had it last. */
  readonly lastPod: Pod | undefined;
  /** The last status that was decided; at first, the API's. */
  readonly status: PodStatus;
  readonly sandboxes: readonly SandboxStatus[];
  readonly containers: readonly ContainerStatus[];
  /** By container name; absent: nobody looked yet. */
  readonly images: ReadonlyMap<string, ImageState>;
  /** By container name; under the empty name, of the pod's sandbox and volumes. */
  readonly failures: ReadonlyMap<string, Failure>;
  /** By container name. */
  readonly restarts: ReadonlyMap<string, RestartBackoff>;
  /** The longest wait between restarts. */
  readonly restartWaitMsMax: number;
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeVerdicts>;
  /** Termination messages, by container id. */
  readonly messages: ReadonlyMap<string, string>;
  /** Runs whose postStart hook has not succeeded: they do not count as running yet, and the next container waits. By container id. */
  readonly postStarts: Pick<ReadonlyMap<string, unknown>, 'has' | 'size'>;
  /** Runs that were told that they will be stopped, and whether their preStop hook has ended. By container id. */
  readonly preStops: ReadonlyMap<string, 'running' | 'done'>;
  /** Containers that are being stopped: until when they may live, on the clock that never jumps. By container id. */
  readonly stops: ReadonlyMap<string, number>;
  /** Runs that were stopped so that their containers start anew, whatever their restart policy says. By container id. */
  readonly renewals: ReadonlySet<string>;
  readonly volumes: 'unknown' | 'ready' | 'removed';
  /** When the worker first saw that the pod must end, on the clock that never jumps. */
  readonly endingSinceMs: number;
  /** The node makes it fail, and says so in its status: an eviction. */
  readonly failed?: NodeFailure;
  /** A resize that waits or is under way; absent: none. */
  readonly resize?: ResizeView;
  /** How the devices given to its containers are, by container; absent: it has none. */
  readonly devices?: ReadonlyMap<string, readonly ResourceStatus[]>;
  /** The API was told that the pod is gone. */
  readonly deleteSent: boolean;
  readonly hostIps: readonly string[];
  /** How container ids begin: `containerd`. */
  readonly runtimeName: string;
  readonly nowMs: number;
  /** The clock that never jumps: for how long something may take. */
  readonly monotonicMs: number;
}

export interface EventStep {
  readonly kind: 'event';
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** The container that it is about; absent: the pod. */
  readonly container?: string;
}

export type Step =
  | EventStep
  | { readonly kind: 'prepare-volumes' }
  | { readonly kind: 'make-sandbox'; readonly attempt: number }
  /** Finds or pulls the image; the pull itself goes on beside the other steps. */
  | { readonly kind: 'ensure-image'; readonly container: string }
  | {
      readonly kind: 'start-container';
      readonly container: string;
      readonly attempt: number;
      readonly sandboxId: string;
      readonly imageId: string;
      /** To remember when this start was carried out. */
      readonly backoff?: RestartBackoff;
    }
  /** The preStop hook of a container whose turn to stop has not come; goes on beside the other steps, and its end wakes the worker. */
  | {
      readonly kind: 'pre-stop-container';
      readonly container: string;
      readonly containerId: string;
      readonly gracePeriodMs: number;
      /** For the Killing event. */
      readonly message: string;
    }
  /** Goes on beside the other steps; its end wakes the worker. */
  | {
      readonly kind: 'stop-container';
      readonly container: string;
      readonly containerId: string;
      readonly gracePeriodMs: number;
      /** For the Killing event. */
      readonly message: string;
      /** At once: its preStop hook is not asked. */
      readonly skipsPreStop?: true;
      /** So long at most it is not signalled while the pod still gets something new. */
      readonly leaveMsMax?: number;
      /** The container starts anew when it has ended, whatever its restart policy says. */
      readonly renews?: true;
    }
  /** Limits that were promised to the pod; `update` are the ids of containers to tell, and no other waits for its restart where `isLast`. */
  | { readonly kind: 'resize-pod'; readonly update: readonly string[]; readonly isLast: boolean }
  | { readonly kind: 'remove-container'; readonly containerId: string }
  | { readonly kind: 'stop-sandbox'; readonly sandboxId: string }
  | { readonly kind: 'remove-sandbox'; readonly sandboxId: string }
  | { readonly kind: 'remove-volumes' }
  /** Tells the API that nothing of the pod is left. */
  | { readonly kind: 'delete-pod' };

export interface PodPlan {
  /** In order; the first that fails ends the round. */
  readonly steps: readonly Step[];
  readonly status: PodStatus;
  /** When to decide again though nothing happened; Infinity: never. */
  readonly wakeAtMs: number;
  /** Nothing of the pod is left anywhere. */
  readonly gone: boolean;
}

/** Why a container waits, by container name. */
export type Waiting = ReadonlyMap<string, { readonly reason: string; readonly message?: string }>;

/** Collects a plan while one function after another looks at its part. */
export class PlanBuilder {
  readonly steps: Step[] = [];
  readonly waiting = new Map<string, { readonly reason: string; readonly message?: string }>();
  wakeAtMs = Number.POSITIVE_INFINITY;

  wakeAt(timeMs: number): void {
    this.wakeAtMs = Math.min(this.wakeAtMs, timeMs);
  }
}
