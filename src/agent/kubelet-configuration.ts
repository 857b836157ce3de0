/**
 * What can be chosen of the agent, in the words of upstream's `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1), with upstream's
 * defaults. Fields that mean nothing here are not in it; durations are milliseconds, and sizes and quantities as upstream writes them.
 */

export interface KubeletConfiguration {
  readonly maxPods: number;
  /** Processes of one pod; -1: as many as the node allows. */
  readonly podPidsLimit: number;
  /** Where pods ask for names; none: the addresses of the Service kube-system/kube-dns. */
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** A folder of manifests of pods that run without the API; empty: none. */
  readonly staticPodPath: string;
  /**
   * The folder of `device-plugins`, `plugins_registry` and `pod-resources`; absent: the node's own. Plugins made for upstream look in
   * /var/lib/kubelet, which only one node of a machine can have. Said on the command line alone, as upstream's is fixed.
   */
  readonly pluginRoot?: string;

  /** A run's log is rotated at this size (quantity); so many files are kept of it, the one in use included. */
  readonly containerLogMaxSize: string;
  readonly containerLogMaxFiles: number;
  readonly containerLogMaxWorkers: number;
  readonly containerLogMonitorIntervalMs: number;

  /** One image at a time. */
  readonly serializeImagePulls: boolean;
  /** With several at a time, at most so many; absent: upstream's, which is as many as are wanted. */
  readonly maxParallelImagePulls?: number;
  /** Pulls a second over the long run, and at once; 0: no limit. */
  readonly registryPullQPS: number;
  readonly registryBurst: number;
  /** Images go when the disk is fuller than the first, until it is as empty as the second (percent). */
  readonly imageGCHighThresholdPercent: number;
  readonly imageGCLowThresholdPercent: number;
  /** Younger ones stay; unused for longer than the second (0: never mind) go even where there is room. */
  readonly imageMinimumGCAgeMs: number;
  readonly imageMaximumGCAgeMs: number;
  /** In the node's status, the largest; -1: all. */
  readonly nodeStatusMaxImages: number;
  /** Who may use an image that somebody else's secret pulled (KEP-2535). */
  readonly imagePullCredentialsVerificationPolicy:
    | 'NeverVerify'
    | 'NeverVerifyPreloadedImages'
    | 'NeverVerifyAllowlistedImages'
    | 'AlwaysVerify';
  readonly preloadedImagesVerificationAllowlist: readonly string[];

  /** By signal (`memory.available`): a quantity, or a percentage of the capacity. */
  readonly evictionHard: Readonly<Record<string, string>>;
  readonly evictionSoft: Readonly<Record<string, string>>;
  /** How long a soft threshold must hold. */
  readonly evictionSoftGracePeriodMs: Readonly<Record<string, number>>;
  readonly evictionMinimumReclaim: Readonly<Record<string, string>>;
  readonly evictionPressureTransitionPeriodMs: number;
  /** The most grace that a soft eviction gives. */
  readonly evictionMaxPodGracePeriod: number;

  /** Kept back from pods: `cpu`, `memory`, `ephemeral-storage`, `pid`. */
  readonly kubeReserved: Readonly<Record<string, string>>;
  readonly systemReserved: Readonly<Record<string, string>>;
  /** Of `pods`, `kube-reserved`, `system-reserved`; what is written into cgroups. */
  readonly enforceNodeAllocatable: readonly string[];
  /** Limits of CPU become quotas. */
  readonly cpuCFSQuota: boolean;

  /** Beyond the safe ones: names, or `kernel.msg*`. */
  readonly allowedUnsafeSysctls: readonly string[];
  /** Profiles of type RuntimeDefault where a pod names none. */
  readonly seccompDefault: boolean;

  /** The longest wait between restarts of a container that keeps failing. */
  readonly crashLoopBackOffMaxMs: number;
  /** How long volumes from ConfigMaps and Secrets may stay old; upstream's is a minute. */
  readonly syncFrequencyMs: number;
  /** How often what a pod's volumes and logs take is looked at anew, where anybody asks. */
  readonly volumeStatsAggPeriodMs: number;
  /** How long a stopping node waits for its pods; 0: it leaves them. */
  readonly shutdownGracePeriodMs: number;
  readonly shutdownGracePeriodCriticalPodsMs: number;
}

const minuteMs = 60_000;

export const defaultKubeletConfiguration: KubeletConfiguration = {
  maxPods: 110,
  podPidsLimit: -1,
  clusterDNS: [],
  clusterDomain: 'cluster.local',
  staticPodPath: '',

  containerLogMaxSize: '10Mi',
  containerLogMaxFiles: 5,
  containerLogMaxWorkers: 1,
  containerLogMonitorIntervalMs: 10_000,

  // Upstream pulls one after another unless told otherwise; several at a time start a node's pods sooner.
  serializeImagePulls: false,
  maxParallelImagePulls: 4,
  registryPullQPS: 5,
  registryBurst: 10,
  imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80,
  imageMinimumGCAgeMs: 2 * minuteMs,
  imageMaximumGCAgeMs: 0,
  nodeStatusMaxImages: 50,
  imagePullCredentialsVerificationPolicy: 'NeverVerifyPreloadedImages',
  preloadedImagesVerificationAllowlist: [],

  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '10%',
    'nodefs.inodesFree': '5%',
    'imagefs.available': '15%',
    'imagefs.inodesFree': '5%',
  },
  evictionSoft: {},
  evictionSoftGracePeriodMs: {},
  evictionMinimumReclaim: {},
  evictionPressureTransitionPeriodMs: 5 * minuteMs,
  evictionMaxPodGracePeriod: 0,

  kubeReserved: {},
  systemReserved: {},
  enforceNodeAllocatable: ['pods'],
  cpuCFSQuota: true,

  allowedUnsafeSysctls: [],
  seccompDefault: false,

  crashLoopBackOffMaxMs: 5 * minuteMs,
  // An update must reach a running pod within ten seconds.
  syncFrequencyMs: 5000,
  volumeStatsAggPeriodMs: minuteMs,
  shutdownGracePeriodMs: 0,
  shutdownGracePeriodCriticalPodsMs: 0,
};
