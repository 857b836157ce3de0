/** The keys of `deploy`, for `keys.ts`: how a service runs in a cluster. */
import { count, type Key, type Keys, list, map, oneOf, pairs, text, texts } from './key.ts';

const gpus = 'a limit of nvidia.com/gpu (or amd.com/gpu, gpu.intel.com/i915)';
const watched = '!naru rollout status watches a rollout, and naru rollout undo takes it back';

const update = (parallelism: string, order: string): Keys => ({
  parallelism: count(parallelism),
  delay: text('minReadySeconds'),
  failure_action: text(watched),
  monitor: text(watched),
  max_failure_ratio: count(watched),
  order: oneOf(order, 'start-first', 'stop-first'),
});

const rollback = '!a rollback goes as an update does';
const rollbackKeys: Keys = Object.fromEntries(
  Object.entries(update(rollback, rollback)).map(([name, key]): [string, Key] => [
    name,
    { ...key, fate: { lost: rollback.slice(1) } },
  ]),
);

const device: Key = map(
  {
    capabilities: texts(gpus),
    count: count(gpus),
    device_ids: texts("!which devices a pod gets is the node's to say"),
    driver: text(gpus),
    options: pairs('!a device has no options here'),
  },
  gpus,
  'capabilities',
);

const generic = "!name the device plugin's resource in the manifest";
const genericResource: Key = map(
  { discrete_resource_spec: map({ kind: text(generic), value: count(generic) }, generic) },
  generic,
);

export const deployKeys: Keys = {
  mode: text('replicated: a Deployment; global: a DaemonSet; replicated-job: a Job; global-job is told'),
  endpoint_mode: text('vip: a ClusterIP; dnsrr: a headless Service'),
  replicas: count('replicas'),
  labels: pairs('annotations of the workload'),
  rollback_config: map(rollbackKeys, rollback),
  update_config: map(
    update('maxSurge or maxUnavailable', 'start-first: maxSurge; stop-first: maxUnavailable'),
    'strategy',
  ),
  resources: map(
    {
      limits: map(
        {
          cpus: count('limits.cpu'),
          memory: text('limits.memory'),
          pids: count("!the node's podPidsLimit bounds the processes of a pod"),
        },
        'limits',
      ),
      reservations: map(
        {
          cpus: count('requests.cpu'),
          memory: text('requests.memory'),
          generic_resources: list(genericResource, generic),
          devices: list(device, gpus),
        },
        'requests',
      ),
    },
    'resources',
  ),
  restart_policy: map(
    {
      condition: text('as restart'),
      delay: text("!how long a restart waits is the node's to say: it doubles from 10 s to 5 min"),
      max_attempts: count('backoffLimit of a Job; told of others'),
      window: text("!whether a restart counts is the node's to say"),
    },
    'as restart',
  ),
  placement: map(
    {
      constraints: texts('nodeAffinity'),
      preferences: list(
        map({ spread: text('topologySpreadConstraints') }, 'topologySpreadConstraints'),
        'topologySpreadConstraints',
      ),
      max_replicas_per_node: count('topologySpreadConstraints by host; 1: podAntiAffinity'),
    },
    'where pods go',
  ),
};
