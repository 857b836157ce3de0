/** Volumes that are made from objects: modes, owners and contents of ConfigMaps, Secrets, facts about the pod, tokens. */
import { keyed, looks, projected, type Row, type Source, saying, tell } from './row.ts';

const mapped = [{ key: 'data-2', path: 'path/to/data-2' }];
const mappedTight = [{ key: 'data-2', path: 'path/to/data-2', mode: 0o400 }];

const keyedRows = Object.entries(keyed).flatMap(([kind, source]): Row[] => [
  {
    pod: `${kind}-root`,
    about: `${kind}: plain, with a default mode, with items, with an item's mode, and the same object in several volumes`,
    wishes: looks(
      {
        plain: source('source'),
        tight: source('source', { defaultMode: 0o400 }),
        mapped: source('source', { items: mapped }),
        item: source('source', { items: mappedTight }),
      },
      `${tell('/plain/data-1', '/tight/data-1', '/mapped/path/to/data-2', '/item/path/to/data-2')}; ls /mapped; ls /plain`,
    ),
    says: [
      '-rw-r--r-- 0:0 value-1',
      '-r-------- 0:0 value-1',
      '-rw-r--r-- 0:0 value-2',
      '-r-------- 0:0 value-2',
      'path',
      'data-1',
      'data-2',
      'data-3',
    ],
  },
  {
    pod: `${kind}-user`,
    about: `${kind}: a user who is not root reads it; nobody writes it`,
    wishes: looks(
      { plain: source('source'), mapped: source('source', { items: mapped }) },
      `${tell('/plain/data-1', '/mapped/path/to/data-2')}; echo x 2>&1 >/plain/new | sed "s/.*: //"`,
      { runAsUser: 1000 },
    ),
    says: ['-rw-r--r-- 0:0 value-1', '-rw-r--r-- 0:0 value-2', 'Read-only file system'],
  },
  {
    pod: `${kind}-group`,
    about: `${kind}: with fsGroup, the group reads what the mode hides from others`,
    wishes: looks(
      {
        plain: source('source'),
        tight: source('source', { defaultMode: 0o440 }),
        own: source('source', { defaultMode: 0o400 }),
        mapped: source('source', { items: mapped }),
      },
      `${tell('/plain/data-1', '/tight/data-1', '/own/data-1', '/mapped/path/to/data-2')}; stat -Lc "%A %g" /plain/.`,
      { runAsUser: 1000, fsGroup: 1001 },
    ),
    says: [
      '-rw-r--r-- 0:1001 value-1',
      '-r--r----- 0:1001 value-1',
      '-r--r----- 0:1001 value-1',
      '-rw-r--r-- 0:1001 value-2',
      /^drwxrwsrw[xt] 1001$/,
    ],
  },
]);

const podName = { path: 'podname', fieldRef: { fieldPath: 'metadata.name' } };
const downward: Readonly<Record<string, (items: object[], defaultMode?: number) => Source>> = {
  downward: (items, defaultMode) => ({
    downwardAPI: { items: items as never, ...(defaultMode !== undefined && { defaultMode }) },
  }),
  'projected-downward': (items, defaultMode) =>
    projected({ downwardAPI: { items: items as never } }, defaultMode === undefined ? {} : { defaultMode }),
};

const ofContainer = (resource: string, containerName = 'app') => ({
  path: resource.replace('.', '_'),
  resourceFieldRef: { containerName, resource },
});
const amounts = ['limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'].map((name) => ofContainer(name));

const downwardRows = Object.entries(downward).flatMap(([kind, source]): Row[] => [
  {
    pod: `${kind}-root`,
    about: `${kind}: the pod's name, with a default mode and an item's, and the container's requests and limits`,
    wishes: {
      ...looks(
        {
          plain: source([podName]),
          tight: source([podName], 0o400),
          item: source([{ ...podName, mode: 0o400 }]),
          amounts: source(amounts),
        },
        '',
      ),
      containers: [
        saying(
          `${tell('/plain/podname', '/tight/podname', '/item/podname')}
          for name in limits_cpu limits_memory requests_cpu requests_memory; do cat /amounts/$name; echo; done`,
          {
            volumeMounts: ['plain', 'tight', 'item', 'amounts'].map((name) => ({ name, mountPath: `/${name}` })),
            resources: { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } },
          },
        ),
      ],
    },
    says: [
      `-rw-r--r-- 0:0 ${kind}-root`,
      `-r-------- 0:0 ${kind}-root`,
      `-r-------- 0:0 ${kind}-root`,
      '2',
      '67108864',
      '1',
      '33554432',
    ],
  },
  {
    pod: `${kind}-group`,
    about: `${kind}: as a user with a group; limits that are not set are what the node has`,
    wishes: looks(
      { plain: source([podName]), tight: source([podName], 0o440), amounts: source(amounts.slice(0, 2)) },
      `${tell('/plain/podname', '/tight/podname')}; cat /amounts/limits_cpu; echo; cat /amounts/limits_memory`,
      { runAsUser: 1000, fsGroup: 1234 },
    ),
    says: [`-rw-r--r-- 0:1234 ${kind}-group`, `-r--r----- 0:1234 ${kind}-group`, /^[1-9]\d*$/, /^[1-9]\d{6,}$/],
  },
]);

const token = (volume: string): string => `echo "$(stat -Lc '%A %u:%g' /${volume}/token) $(wc -c < /${volume}/token)"`;
const tokens = { token: projected({ serviceAccountToken: { path: 'token' } }) };
const readable = (mode: string): RegExp => new RegExp(`^${mode} [1-9]\\d\\d+$`);
const projectedRows: readonly Row[] = [
  {
    pod: 'projected-all',
    about: 'projected: all sources in one folder',
    wishes: looks(
      {
        all: {
          projected: {
            sources: [
              { downwardAPI: { items: [podName] } },
              { secret: { name: 'source', items: [{ key: 'data-1', path: 'secret-data' }] } },
              { configMap: { name: 'source', items: [{ key: 'data-2', path: 'deep/configmap-data' }] } },
              { serviceAccountToken: { path: 'deep/token' } },
            ],
          },
        },
      },
      'cat /all/podname; echo; cat /all/secret-data; echo; cat /all/deep/configmap-data; echo; cut -c1-3 /all/deep/token',
    ),
    says: ['projected-all', 'value-1', 'value-2', 'eyJ'],
  },
  ...(
    [
      ['root', {}, '-rw-r--r-- 0:0'],
      ['user', { runAsUser: 1000 }, '-rw------- 1000:0'],
      ['group', { fsGroup: 10000 }, '-rw-r----- 0:10000'],
      ['user-group', { runAsUser: 1000, fsGroup: 10000 }, '-rw-r----- 1000:10000'],
    ] as const
  ).map(([who, securityContext, mode]) => ({
    pod: `token-${who}`,
    about: `projected: a token is its user's and its group's alone: ${who}`,
    wishes: looks(tokens, token('token'), securityContext),
    says: [readable(mode)],
  })),
  {
    pod: 'binary',
    about: 'configmap: binary data beside text',
    wishes: looks({ mixed: { configMap: { name: 'binary' } } }, 'cat /mixed/data-1; hexdump -C /mixed/dump.bin'),
    says: [/^value-1.*de ca fe ba d0 fe ff/, '00000007'],
  },
  {
    pod: 'namesake',
    about: 'secret: one of the same name in another namespace is another',
    wishes: looks({ own: { secret: { secretName: 'namesake' } } }, 'ls /own; cat /own/*'),
    says: ['data-1', 'value-1'],
  },
  {
    pod: 'optional',
    about: 'configmap, secret: where it is optional, neither the object nor a key must be there',
    wishes: looks(
      Object.fromEntries(
        Object.entries(keyed).flatMap(([kind, source]) => [
          [`${kind}-none`, source('nothing', { optional: true })],
          [`${kind}-key`, source('source', { optional: true, items: [{ key: 'data-4', path: 'data-4' }] })],
        ]),
      ),
      `ls /*-none /*-key | grep -c data; ls -d /*-none /*-key | wc -l`,
    ),
    says: ['0', '8'],
  },
  {
    pod: 'wrapped',
    about: 'volumes of several kinds do not disturb each other',
    wishes: looks(
      {
        secrets: { secret: { secretName: 'source' } },
        config: { configMap: { name: 'source' } },
        empty: { emptyDir: {} },
      },
      'cat /secrets/data-1 /config/data-2; ls /empty | wc -l',
    ),
    says: ['value-1value-20'],
  },
];

export const objectRows: readonly Row[] = [...keyedRows, ...downwardRows, ...projectedRows];
