/** The keys of a service, for `keys.ts`. */
import { buildKeys } from './build-keys.ts';
import { deployKeys } from './deploy-keys.ts';
import {
  count,
  entries,
  flag,
  type Key,
  type Keys,
  list,
  map,
  number,
  oneOf,
  or,
  orNames,
  pairs,
  scalar,
  strictFlag,
  text,
  textOrTexts,
  texts,
} from './key.ts';

const command = (becomes: string): Key => or(textOrTexts(becomes), 'none');

const hook = (becomes: string): Key =>
  list(
    map(
      {
        command: command(becomes),
        user: text("!a hook runs as the container's user"),
        privileged: flag('!a hook has the rights of its container'),
        working_dir: text('cd before the command'),
        environment: pairs('variables before the command'),
      },
      becomes,
      'command',
    ),
    becomes,
  );

const blkio = '!Kubernetes bounds no disk traffic';
const blkioDevices = list(map({ path: text(blkio), rate: count(blkio) }, blkio), blkio);
const blkioKeys: Keys = {
  device_read_bps: blkioDevices,
  device_read_iops: blkioDevices,
  device_write_bps: blkioDevices,
  device_write_iops: blkioDevices,
  weight: count(blkio),
  weight_device: list(map({ path: text(blkio), weight: count(blkio) }, blkio), blkio),
};

const fileReferences = (becomes: string): Key =>
  list(
    or(
      map(
        {
          source: text(becomes),
          target: text('where it is mounted'),
          uid: text('!files of ConfigMaps and Secrets belong to root; mode says who may read them'),
          gid: text('!files of ConfigMaps and Secrets belong to root; mode says who may read them'),
          mode: count('the mode of the mounted file'),
        },
        becomes,
      ),
      'text',
    ),
    becomes,
  );

const mount: Key = or(
  map(
    {
      type: oneOf('the kind of volume', 'bind', 'volume', 'tmpfs', 'cluster', 'npipe', 'image'),
      source: text('the path, the claim or the image'),
      target: text('mountPath'),
      read_only: flag('readOnly'),
      consistency: text('!it is a wish of Docker Desktop'),
      bind: map(
        {
          propagation: text('mountPropagation'),
          create_host_path: flag('type of the hostPath'),
          recursive: oneOf(
            'recursiveReadOnly; disabled and writable are told',
            'enabled',
            'disabled',
            'writable',
            'readonly',
          ),
          selinux: oneOf("!volumes are labelled by the pod's seLinuxOptions", 'z', 'Z'),
        },
        'a hostPath',
      ),
      volume: map(
        {
          labels: pairs('!a claim has the labels of its volume'),
          nocopy: flag('!a claim begins empty: nothing is copied out of the image'),
          subpath: text('subPath'),
        },
        'a claim',
      ),
      tmpfs: map(
        { size: count('sizeLimit'), mode: count('!an emptyDir may be written by all users') },
        'an emptyDir in memory',
      ),
      image: map({ subpath: text('subPath') }, 'an image volume'),
    },
    'a volume and its mount',
    'type',
  ),
  'text',
);

const port: Key = or(
  map(
    {
      name: text('the name of the port'),
      mode: text('host: hostPort; ingress: a LoadBalancer'),
      host_ip: text('hostIP, except where it means all addresses'),
      target: count('containerPort'),
      published: count('the port of a LoadBalancer'),
      protocol: text('protocol'),
      app_protocol: text('appProtocol'),
    },
    'a containerPort and a Service',
  ),
  'number',
  'text',
);

const onlyWatched = '!it is for docker compose watch';
const watchKeys: Keys = {
  ignore: textOrTexts(onlyWatched),
  include: textOrTexts(onlyWatched),
  path: text(onlyWatched),
  action: oneOf(onlyWatched, 'rebuild', 'sync', 'restart', 'sync+restart', 'sync+exec'),
  target: text(onlyWatched),
  exec: { ...(hook(onlyWatched).items as Key) },
  initial_sync: strictFlag(onlyWatched),
};

const addresses = "!the cluster gives addresses to pods; use the service's name";
const attachment: Key = or(
  map(
    {
      aliases: texts('a Service of that name'),
      interface_name: text('!a pod has one interface, eth0'),
      ipv4_address: text(addresses),
      ipv6_address: text(addresses),
      link_local_ips: texts(addresses),
      mac_address: text(addresses),
      driver_opts: entries(count('!there is one pod network'), '!there is one pod network'),
      priority: number('!a pod has one interface, eth0'),
      gw_priority: number('!a pod has one interface, eth0'),
    },
    "the label of the network's policy",
  ),
  'none',
);

const noModel = '!naru runs no language models: run one as a service, and name its address in the environment';
const noProvider = '!what runs outside of containers is not started; bring it to the cluster by itself';
const ulimit = "!Kubernetes has no ulimits: those of the node's runtime hold";
const gpus = 'a limit of nvidia.com/gpu (or amd.com/gpu, gpu.intel.com/i915)';
const memorySwap = "!how much is swapped is the node's to say";
const realTime = '!Kubernetes has no real-time CPU time';
const windows = '!it is for containers of Windows';

const dependency: Key = map(
  {
    restart: flag('!a dependency that restarts does not restart those who wait for it'),
    required: strictFlag('whether the pod waits for a workload that is not there'),
    condition: oneOf(
      'what naru.io/depends-on waits for',
      'service_started',
      'service_healthy',
      'service_completed_successfully',
    ),
  },
  'a scheduling gate',
  'condition',
);

export const serviceKeys: Keys = {
  develop: or(map({ watch: list(map(watchKeys, onlyWatched, 'path', 'action'), onlyWatched) }, onlyWatched), 'none'),
  deploy: or(map(deployKeys, 'the workload'), 'none'),
  annotations: pairs('annotations of the pod'),
  attach: flag('!use naru logs -f'),
  build: or(map(buildKeys, 'an image built on this machine'), 'text'),
  blkio_config: map(blkioKeys, blkio),
  cap_add: texts('capabilities.add'),
  cap_drop: texts('capabilities.drop'),
  cgroup: oneOf('!pods have cgroup namespaces of their own', 'host', 'private'),
  cgroup_parent: text("!the node says where its pods' cgroups are"),
  command: command('args'),
  configs: fileReferences('a mounted ConfigMap'),
  container_name: text('a Service of that name'),
  cpu_count: count('limits.cpu'),
  cpu_percent: count(windows),
  cpu_shares: count('requests.cpu: 1024 shares are one CPU'),
  cpu_quota: count('limits.cpu, with cpu_period'),
  cpu_period: count('limits.cpu, with cpu_quota'),
  cpu_rt_period: count(realTime),
  cpu_rt_runtime: count(realTime),
  cpus: count('limits.cpu'),
  cpuset: text('!the node gives CPUs to pods (its CPU manager)'),
  credential_spec: map({ config: text(windows), file: text(windows), registry: text(windows) }, windows),
  depends_on: orNames(entries(dependency, 'a scheduling gate')),
  device_cgroup_rules: texts('!devices come by device plugins or resource claims'),
  devices: list(
    or(
      map(
        {
          source: text('!devices come by device plugins or resource claims'),
          target: text('!devices come by device plugins or resource claims'),
          permissions: text('!devices come by device plugins or resource claims'),
        },
        '!devices come by device plugins or resource claims',
        'source',
      ),
      'text',
    ),
    "!devices come by device plugins or resource claims; a privileged container sees all of its node's",
  ),
  dns: textOrTexts('dnsConfig.nameservers'),
  dns_opt: texts('dnsConfig.options'),
  dns_search: textOrTexts('dnsConfig.searches'),
  domainname: text("!a pod's domain is the cluster's"),
  entrypoint: command('command'),
  env_file: or(
    list(
      or(
        map(
          { path: text('env'), format: text('how the file is read'), required: flag('whether it may be absent') },
          'env',
          'path',
        ),
        'text',
      ),
      'env',
    ),
    'text',
  ),
  label_file: textOrTexts('annotations of the pod'),
  environment: pairs('env'),
  expose: list(count('a containerPort'), 'a containerPort'),
  extends: or(map({ service: text('merged'), file: text('read and merged') }, 'merged', 'service'), 'text'),
  provider: map(
    {
      type: text(noProvider),
      options: entries(or(list(plainValue(noProvider), noProvider), 'text', 'number', 'flag'), noProvider),
    },
    noProvider,
    'type',
  ),
  external_links: texts("!containers outside of the application are reached by their Service's name"),
  extra_hosts: {
    ...pairs('hostAliases'),
    entries: textOrTexts('hostAliases'),
  },
  gpus: or(
    list(
      map(
        {
          capabilities: texts(gpus),
          count: count(gpus),
          device_ids: texts("!which devices a pod gets is the node's to say"),
          driver: text(gpus),
          options: pairs('!a device has no options here'),
        },
        gpus,
      ),
      gpus,
    ),
    'text',
  ),
  group_add: list(count('supplementalGroups'), 'supplementalGroups'),
  healthcheck: map(
    {
      disable: flag('no probe'),
      interval: text('periodSeconds'),
      retries: count('failureThreshold'),
      test: textOrTexts('readinessProbe'),
      timeout: text('timeoutSeconds'),
      start_period: text('startupProbe'),
      start_interval: text('periodSeconds of the startupProbe'),
    },
    'a readinessProbe, and a startupProbe where there is a start_period; neither restarts, as Compose never does',
  ),
  hostname: text('hostname'),
  image: text('image'),
  init: flag("shareProcessNamespace: the pod's own first process reaps"),
  ipc: text('host: hostIPC; service:NAME: the same pod; others are told'),
  isolation: text(windows),
  labels: pairs('annotations of the pod'),
  links: texts('a Service of the alias, and a scheduling gate'),
  logging: map(
    {
      driver: text('!the node keeps and rotates logs: naru logs'),
      options: entries(
        or(count('!the node keeps and rotates logs: naru logs'), 'none'),
        '!the node keeps and rotates logs: naru logs',
      ),
    },
    '!the node keeps and rotates logs: naru logs',
  ),
  mac_address: text(addresses),
  mem_limit: count('limits.memory'),
  mem_reservation: count('requests.memory'),
  mem_swappiness: count(memorySwap),
  memswap_limit: count(memorySwap),
  network_mode: text('host: hostNetwork; none: a policy; service:NAME: the same pod; others are told'),
  models: orNames(entries(map({ endpoint_var: text(noModel), model_var: text(noModel) }, noModel), noModel)),
  networks: orNames(entries(attachment, 'labels of networks')),
  oom_kill_disable: flag('!the kernel ends what passes its limit'),
  oom_score_adj: count("!the node sets it by the pod's quality of service"),
  pid: or(text('host: hostPID; service:NAME: the same pod; others are told'), 'none'),
  pids_limit: count("!the node's podPidsLimit bounds the processes of a pod"),
  platform: text('nodeSelector'),
  ports: list(port, 'Services and containerPorts'),
  post_start: hook('lifecycle.postStart'),
  pre_stop: hook('lifecycle.preStop'),
  privileged: flag('privileged'),
  profiles: texts('whether the service is there'),
  pull_policy: text('imagePullPolicy; intervals are told'),
  pull_refresh_after: text('!images are pulled when a pod starts'),
  read_only: flag('readOnlyRootFilesystem'),
  restart: text('a Deployment always restarts; "no" without ports is a Job'),
  runtime: text('runtimeClassName'),
  scale: count('replicas'),
  security_opt: texts('securityContext'),
  shm_size: count('an emptyDir in memory at /dev/shm'),
  secrets: fileReferences('a mounted Secret'),
  sysctls: pairs('securityContext.sysctls, as far as nodes allow them; others are told'),
  stdin_open: flag('stdin'),
  stop_grace_period: text('terminationGracePeriodSeconds'),
  stop_signal: text('!Kubernetes sends what the image says (STOPSIGNAL of its Dockerfile)'),
  storage_opt: map({}, "!Kubernetes bounds a container's disk by limits.ephemeral-storage"),
  tmpfs: textOrTexts('an emptyDir in memory'),
  tty: flag('tty'),
  ulimits: entries(
    or(map({ hard: count(ulimit), soft: count(ulimit) }, ulimit, 'soft', 'hard'), 'number', 'text'),
    ulimit,
  ),
  use_api_socket: strictFlag("!there is no Docker here; a ServiceAccount is the way to the cluster's API"),
  user: text('runAsUser and runAsGroup; names are told'),
  uts: text("!a pod has the host's names only with network_mode: host"),
  userns_mode: text('host: hostUsers; others are told'),
  volumes: list(mount, 'volumes and mounts'),
  volumes_from: texts('the mounts of that service'),
  working_dir: text('workingDir'),
};

function plainValue(becomes: string): Key {
  return { ...scalar(becomes), types: ['text', 'number', 'flag'] };
}
