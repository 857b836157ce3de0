/** Folders and parts of them: `emptyDir` on disk and in memory, `subPath` of every kind of volume, and many volumes at once. */
import { script } from '../workload.ts';
import { at, looks, mountsOf, one, projected, type Row, saying } from './row.ts';

const media = { disk: { emptyDir: {} }, memory: { emptyDir: { medium: 'Memory' as const } } };
/** Files made with each mode, as far as the program's umask lets it. */
const files = (folder: string): string =>
  [
    `stat -c %A ${folder}; umask 022; echo new > ${folder}/a; umask 0; echo new > ${folder}/b`,
    `echo new > ${folder}/c; chmod 777 ${folder}/c; stat -c "%A %u" ${folder}/a ${folder}/b ${folder}/c; cat ${folder}/?`,
  ].join('; ');
const fileLines = (uid: number): string[] => [
  `-rw-r--r-- ${uid}`,
  `-rw-rw-rw- ${uid}`,
  `-rwxrwxrwx ${uid}`,
  'new',
  'new',
  'new',
];

const emptyRows: readonly Row[] = [0, 1001].flatMap((uid): Row[] => [
  {
    pod: `empty-${uid}`,
    about: `emptyDir: files of every mode, on disk and in memory, by user ${uid}`,
    wishes: looks(media, `${files('/disk')}; ${files('/memory')}; stat -fc %T /memory`, { runAsUser: uid }),
    says: ['drwxrwxrwx', ...fileLines(uid), 'drwxrwxrwt', ...fileLines(uid), 'tmpfs'],
  },
  {
    pod: `empty-group-${uid}`,
    about: `emptyDir: what user ${uid} makes is the group's, and so is a part that was not there`,
    wishes: {
      ...looks(media, '', { runAsUser: uid, fsGroup: 123 }),
      containers: [
        saying(
          `for at in /disk /memory; do
            stat -c "%A %u:%g" $at; umask 0; echo x > $at/file; chmod 660 $at/file; stat -c "%A %u:%g" $at/file
          done
          stat -c "%A %u:%g" /part-disk /part-memory; stat -fc %T /part-memory`,
          {
            volumeMounts: [
              ...mountsOf(media),
              { name: 'disk', mountPath: '/part-disk', subPath: 'test-sub' },
              { name: 'memory', mountPath: '/part-memory', subPath: 'test-sub' },
            ],
          },
        ),
      ],
    },
    says: [
      'drwxrwsrwx 0:123',
      `-rw-rw---- ${uid}:123`,
      'drwxrwsrwt 0:123',
      `-rw-rw---- ${uid}:123`,
      'drwxrwsrwx 0:123',
      'drwxrwsrwt 0:123',
      'tmpfs',
    ],
  },
]);
const sharingRows: readonly Row[] = [
  {
    pod: 'shared',
    about: 'emptyDir: what one container drops, another finds',
    wishes: {
      volumes: one({ emptyDir: {} }),
      containers: [
        saying('until cat /in/shared.txt 2>/dev/null; do sleep 0.1; done', { volumeMounts: [at('/in')] }),
        script('echo "Hello from the other" > /out/new && mv /out/new /out/shared.txt', { volumeMounts: [at('/out')] }),
      ],
    },
    says: ['Hello from the other'],
  },
  {
    pod: 'sized',
    about: 'emptyDir: memory is of the size that it says',
    wishes: looks(
      { memory: { emptyDir: { medium: 'Memory', sizeLimit: '10Mi' } } },
      "df | grep /memory | awk '{print $2}'",
    ),
    says: ['10240'],
  },
];

const podNamePath = { path: 'downward/podname', fieldRef: { fieldPath: 'metadata.name' } };
const projectedItem = [{ key: 'data-1', path: 'projected/data-1' }];
const partRows: readonly Row[] = [
  ...(
    [
      ['secret', { secret: { secretName: 'source' } }, 'data-1', '/part', 'value-1'],
      ['configmap', { configMap: { name: 'source' } }, 'data-1', '/part', 'value-1'],
      ['configmap-on-file', { configMap: { name: 'source' } }, 'data-1', '/etc/resolv.conf', 'value-1'],
      ['downward', { downwardAPI: { items: [podNamePath] } }, 'downward/podname', '/part', 'part-downward'],
      [
        'projected',
        projected({ configMap: { name: 'source', items: projectedItem } }),
        'projected/data-1',
        '/part',
        'value-1',
      ],
      [
        'projected-folder',
        projected({ configMap: { name: 'source', items: projectedItem } }),
        'projected',
        '/part',
        'value-1',
      ],
    ] as const
  ).map(([kind, source, subPath, mountPath, value]) => ({
    pod: `part-${kind}`,
    about: `subPath of a volume made from objects: ${kind}`,
    wishes: {
      volumes: one(source),
      containers: [
        saying(`[ -d ${mountPath} ] && cat ${mountPath}/data-1 || cat ${mountPath}`, {
          volumeMounts: [at(mountPath, { subPath })],
        }),
      ],
    },
    says: [value],
  })),
  ...(
    [
      // What stands in the volume before, what writes into the part, what is read.
      ['absent', '', 'echo new > /part/file', '/part/file /v/sub/file', 'new'],
      ['folder', 'mkdir -p /v/sub', 'echo new > /part/file', '/part/file /v/sub/file', 'new'],
      ['file-in-folder', 'mkdir -p /v/sub; echo new > /v/sub/file', '', '/part/file /v/sub/file', 'new'],
      ['file', 'echo new > /v/sub', '', '/part /v/sub', 'new'],
      [
        'link-inside',
        'mkdir /v/real; ln -s real /v/sub; echo new > /v/real/file',
        '',
        '/part/file /v/real/file',
        'new',
      ],
    ] as const
  ).map(([what, first, second, read, value]) => ({
    pod: `sub-${what}`,
    about: `subPath: ${what}`,
    wishes: {
      volumes: one({ emptyDir: {} }),
      initContainers: [
        script(first, { volumeMounts: [at('/v')] }),
        // Only where it writes: a part that nobody has used yet is made for the main container.
        ...(second === '' ? [] : [script(second, { volumeMounts: [at('/part', { subPath: 'sub' })] })]),
      ],
      containers: [saying(`cat ${read}`, { volumeMounts: [at('/v'), at('/part', { subPath: 'sub' })] })],
    },
    says: [value, value],
  })),
  {
    pod: 'sub-several',
    about: 'subPath: several of one volume, read-only and not',
    wishes: {
      volumes: one({ emptyDir: {} }),
      initContainers: [
        script('mkdir /v/one /v/two; echo old > /v/two/file; echo old > /v/three', { volumeMounts: [at('/v')] }),
      ],
      containers: [
        saying(
          `echo new > /one/file; cat /one/file /two/file /three
          for file in /two/file /three; do echo new 2>&1 >$file | sed "s/.*: //"; done`,
          {
            volumeMounts: [
              at('/one', { subPath: 'one' }),
              at('/two', { subPath: 'two', readOnly: true }),
              at('/three', { subPath: 'three', readOnly: true }),
            ],
          },
        ),
      ],
    },
    says: ['new', 'old', 'old', 'Read-only file system', 'Read-only file system'],
  },
  {
    pod: 'sub-expanded',
    about: 'subPathExpr: named after the pod, on a path of the node',
    wishes: {
      volumes: one({ emptyDir: {} }),
      containers: [
        saying('echo x > /part/file; ls /v/sub-expanded/deep', {
          env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          volumeMounts: [at('/v'), at('/part', { subPathExpr: '$(POD)/deep' })],
        }),
      ],
    },
    says: ['file'],
  },
  ...['mkdir /v/sub', 'touch /v/sub'].map((first, index) => ({
    pod: `sub-restart-${index}`,
    about: `subPath: a container that starts again finds it again: ${first.split(' ')[0]}`,
    wishes: {
      restartPolicy: 'OnFailure' as const,
      volumes: one({ emptyDir: {} }),
      initContainers: [script(first, { volumeMounts: [at('/v')] })],
      containers: [
        saying('[ -e /v/again ] || { touch /v/again; exit 1; }; stat -c %F /part; grep -c " /part " /proc/mounts', {
          volumeMounts: [at('/v'), at('/part', { subPath: 'sub' })],
        }),
      ],
    },
    says: [index === 0 ? 'directory' : 'regular empty file', '1'],
  })),
];

export const raceConfigMaps = Array.from({ length: 50 }, (_, index) => `racey-${index}`);
const raceRows = Array.from(
  { length: 5 },
  (_, index): Row => ({
    pod: `race-${index}`,
    about: `many volumes at once: fifty ConfigMaps in pod ${index} of five`,
    wishes: {
      volumes: raceConfigMaps.map((name) => ({
        name,
        configMap: { name, items: [{ key: 'data-1', path: 'data-1' }] },
      })),
      containers: [
        saying('cat /etc/config/*/data-1 | grep -o value-1 | wc -l', {
          volumeMounts: raceConfigMaps.map((name) => ({ name, mountPath: `/etc/config/${name}` })),
        }),
      ],
    },
    says: ['50'],
  }),
);

export const folderRows: readonly Row[] = [...emptyRows, ...sharingRows, ...partRows, ...raceRows];
