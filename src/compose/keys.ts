/**
 * Every key of the Compose specification, with what may stand there and what becomes of it: the one place that says so. Files are checked
 * against it, and what it calls lost (`!`) is told to the user wherever it is used. A test walks the specification's own list of keys.
 */
import {
  count,
  entries,
  flag,
  type Key,
  type Keys,
  list,
  map,
  number,
  or,
  pairs,
  text,
  textOrTexts,
  texts,
} from './key.ts';
import { serviceKeys } from './service-keys.ts';

const options = (becomes: string): Key => entries(count(becomes), becomes);

const external: Key = or(
  map({ name: text('the name of the object that is there already') }, 'not made: it is there already'),
  'flag',
  'text',
);

const ipamConfig: Keys = {
  subnet: text('!the cluster gives addresses to pods'),
  ip_range: text('!the cluster gives addresses to pods'),
  gateway: text('!the cluster gives addresses to pods'),
  aux_addresses: entries(text('!the cluster gives addresses to pods'), '!the cluster gives addresses to pods'),
};

const network: Key = or(
  map(
    {
      name: text('!networks are policies here, and need no name of their own'),
      driver: text('!there is one pod network, and policies divide it'),
      driver_opts: options('!there is one pod network, and policies divide it'),
      ipam: map(
        {
          driver: text('!the cluster gives addresses to pods'),
          config: list(map(ipamConfig, '!the cluster gives addresses to pods'), '!the cluster gives addresses to pods'),
          options: entries(text('!the cluster gives addresses to pods'), '!the cluster gives addresses to pods'),
        },
        '!the cluster gives addresses to pods',
      ),
      external,
      internal: flag('NetworkPolicies without a way out'),
      enable_ipv4: flag("!the families of addresses are the cluster's"),
      enable_ipv6: flag("!the families of addresses are the cluster's"),
      attachable: flag('!any pod may carry the label of a network'),
      labels: pairs('annotations of the NetworkPolicy'),
    },
    'a NetworkPolicy among the pods that carry its label',
  ),
  'none',
);

const volume: Key = or(
  map(
    {
      name: text('the name of the PersistentVolumeClaim'),
      driver: text('local: the default StorageClass; any other is told'),
      driver_opts: options('a bind is a hostPath, a tmpfs an emptyDir; anything else is told'),
      external,
      labels: pairs('annotations of the claim; naru.io/size is its size'),
    },
    'a PersistentVolumeClaim of the default StorageClass',
  ),
  'none',
);

const secret: Key = map(
  {
    name: text('the name of the Secret'),
    environment: text('the content, from this variable'),
    file: text('the content, from this file'),
    external,
    labels: pairs('annotations of the Secret'),
    driver: text('!secrets are kept by the cluster'),
    driver_opts: options('!secrets are kept by the cluster'),
    template_driver: text('!contents are taken as they are'),
  },
  'a Secret',
);

const config: Key = map(
  {
    name: text('the name of the ConfigMap'),
    content: text('the content'),
    environment: text('the content, from this variable'),
    file: text('the content, from this file'),
    external,
    labels: pairs('annotations of the ConfigMap'),
    template_driver: text('!contents are taken as they are'),
  },
  'a ConfigMap',
);

const noModels = '!naru runs no language models: run one as a service, and name its address in the environment';
const model: Key = map(
  { name: text(noModels), model: text(noModels), context_size: number(noModels), runtime_flags: texts(noModels) },
  noModels,
  'model',
);

const include: Key = or(
  map(
    {
      path: textOrTexts('read and put in'),
      env_file: textOrTexts('variables for the included file'),
      project_directory: text('what its relative paths start from'),
    },
    'read and put in',
  ),
  'text',
);

export const composeFile: Key = map(
  {
    version: text('nothing: the specification has one version'),
    name: text('the name of the application'),
    include: list(include, 'read and put in'),
    services: entries(map(serviceKeys, 'a Deployment, DaemonSet or Job, with Services'), 'workloads'),
    models: entries(model, noModels),
    networks: entries(network, 'NetworkPolicies'),
    volumes: entries(volume, 'claims'),
    secrets: entries(secret, 'Secrets'),
    configs: entries(config, 'ConfigMaps'),
  },
  'an application',
);
