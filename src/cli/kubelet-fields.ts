/**
 * The fields of `kubelet.config.k8s.io/v1beta1 KubeletConfiguration`, as rows: what each is read as, and where it goes in the agent's
 * configuration. Fields that mean nothing here (the kubelet's own port, certificates, feature gates, …) are known by name, so that a
 * kubelet's file can be used as it is.
 */
import type { KubeletConfiguration } from '../agent/kubelet-configuration.ts';

export type FieldKind =
  | 'boolean'
  | 'number'
  | 'string'
  | 'strings'
  | 'quantity'
  /** In Go's form: `1m30s`. */
  | 'duration'
  | 'strings by name'
  | 'durations by name';

export interface FieldRow {
  readonly kind: FieldKind;
  /** The agent's name, where it differs. */
  readonly to?: keyof KubeletConfiguration;
  /** Of a number: the least and the most. */
  readonly range?: readonly [number, number];
  readonly choices?: readonly string[];
}

const percent: readonly [number, number] = [0, 100];
const int32Max = 2 ** 31 - 1;

/** A dot leads into an object. */
export const fieldRows: Readonly<Record<string, FieldRow>> = {
  maxPods: { kind: 'number', range: [0, int32Max] },
  clusterDNS: { kind: 'strings' },
  clusterDomain: { kind: 'string' },
  podPidsLimit: { kind: 'number', range: [-1, Number.MAX_SAFE_INTEGER] },
  staticPodPath: { kind: 'string' },
  containerLogMaxSize: { kind: 'quantity' },
  containerLogMaxFiles: { kind: 'number', range: [2, int32Max] },
  containerLogMaxWorkers: { kind: 'number', range: [1, int32Max] },
  containerLogMonitorInterval: { kind: 'duration', to: 'containerLogMonitorIntervalMs' },
  nodeStatusMaxImages: { kind: 'number', range: [-1, int32Max] },
  serializeImagePulls: { kind: 'boolean' },
  maxParallelImagePulls: { kind: 'number', range: [1, int32Max] },
  registryPullQPS: { kind: 'number', range: [0, int32Max] },
  registryBurst: { kind: 'number', range: [0, int32Max] },
  imageGCHighThresholdPercent: { kind: 'number', range: percent },
  imageGCLowThresholdPercent: { kind: 'number', range: percent },
  imageMinimumGCAge: { kind: 'duration', to: 'imageMinimumGCAgeMs' },
  imageMaximumGCAge: { kind: 'duration', to: 'imageMaximumGCAgeMs' },
  imagePullCredentialsVerificationPolicy: {
    kind: 'string',
    choices: ['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'],
  },
  preloadedImagesVerificationAllowlist: { kind: 'strings' },
  evictionHard: { kind: 'strings by name' },
  evictionSoft: { kind: 'strings by name' },
  evictionSoftGracePeriod: { kind: 'durations by name', to: 'evictionSoftGracePeriodMs' },
  evictionMinimumReclaim: { kind: 'strings by name' },
  evictionPressureTransitionPeriod: { kind: 'duration', to: 'evictionPressureTransitionPeriodMs' },
  evictionMaxPodGracePeriod: { kind: 'number', range: [-1, int32Max] },
  kubeReserved: { kind: 'strings by name' },
  systemReserved: { kind: 'strings by name' },
  enforceNodeAllocatable: { kind: 'strings' },
  cpuCFSQuota: { kind: 'boolean' },
  allowedUnsafeSysctls: { kind: 'strings' },
  seccompDefault: { kind: 'boolean' },
  'crashLoopBackOff.maxContainerRestartPeriod': { kind: 'duration', to: 'crashLoopBackOffMaxMs' },
  syncFrequency: { kind: 'duration', to: 'syncFrequencyMs' },
  volumeStatsAggPeriod: { kind: 'duration', to: 'volumeStatsAggPeriodMs' },
  shutdownGracePeriod: { kind: 'duration', to: 'shutdownGracePeriodMs' },
  shutdownGracePeriodCriticalPods: { kind: 'duration', to: 'shutdownGracePeriodCriticalPodsMs' },
};

/** Of upstream's, without effect here; the command says so. */
export const withoutEffect: ReadonlySet<string> = new Set([
  'enableServer',
  'podLogsDir',
  'fileCheckFrequency',
  'httpCheckFrequency',
  'staticPodURL',
  'staticPodURLHeader',
  'address',
  'port',
  'readOnlyPort',
  'tlsCertFile',
  'tlsPrivateKeyFile',
  'tlsCipherSuites',
  'tlsCurvePreferences',
  'tlsMinVersion',
  'rotateCertificates',
  'serverTLSBootstrap',
  'authentication',
  'authorization',
  'eventRecordQPS',
  'eventBurst',
  'enableDebuggingHandlers',
  'enableContentionProfiling',
  'healthzPort',
  'healthzBindAddress',
  'oomScoreAdj',
  'streamingConnectionIdleTimeout',
  'nodeStatusUpdateFrequency',
  'nodeStatusReportFrequency',
  'nodeLeaseDurationSeconds',
  'kubeletCgroups',
  'systemCgroups',
  'cgroupRoot',
  'cgroupsPerQOS',
  'cgroupDriver',
  'cpuManagerPolicy',
  'singleProcessOOMKill',
  'cpuManagerPolicyOptions',
  'cpuManagerReconcilePeriod',
  'memoryManagerPolicy',
  'topologyManagerPolicy',
  'topologyManagerScope',
  'topologyManagerPolicyOptions',
  'qosReserved',
  'runtimeRequestTimeout',
  'hairpinMode',
  'podCIDR',
  'resolvConf',
  'runOnce',
  'cpuCFSQuotaPeriod',
  'maxOpenFiles',
  'contentType',
  'kubeAPIQPS',
  'kubeAPIBurst',
  'podsPerCore',
  'enableControllerAttachDetach',
  'protectKernelDefaults',
  'makeIPTablesUtilChains',
  'iptablesMasqueradeBit',
  'iptablesDropBit',
  'featureGates',
  'failSwapOn',
  'memorySwap',
  'configMapAndSecretChangeDetectionStrategy',
  'systemReservedCgroup',
  'kubeReservedCgroup',
  'reservedSystemCPUs',
  'showHiddenMetricsForVersion',
  'volumePluginDir',
  'providerID',
  'kernelMemcgNotification',
  'logging',
  'enableSystemLogHandler',
  'enableSystemLogQuery',
  'shutdownGracePeriodByPodPriority',
  'crashLoopBackOff',
  'reservedMemory',
  'enableProfilingHandler',
  'enableDebugFlagsHandler',
  'memoryThrottlingFactor',
  'registerWithTaints',
  'registerNode',
  'tracing',
  'localStorageCapacityIsolation',
  'containerRuntimeEndpoint',
  'imageServiceEndpoint',
  'userNamespaces',
]);
