import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PodSpec } from '../../../api/schema/types/core-v1.ts';
import { type Level, latest } from './policy.ts';
import { baselineChecks, type Check, checksOf, detailsOf, evaluate, restrictedChecks } from './standards.ts';
import { subjectOf } from './subject.ts';

/** What a case says of a pod: over a pod that breaks nothing. `main` and `init` go over the two containers. */
interface Changes {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly pod?: object;
  readonly main?: object;
  readonly init?: object;
  readonly debug?: object;
  /** Over the security contexts of the containers. */
  readonly mainContext?: object;
  readonly initContext?: object;
}

/** Keeps the newest `restricted`; parts that a version did not know yet do no harm there. */
function podWith(changes: Changes): { annotations: Record<string, string>; spec: PodSpec } {
  const context = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  const spec = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' }, ...changes.pod },
    initContainers: [{ name: 'init', securityContext: { ...context, ...changes.initContext }, ...changes.init }],
    containers: [{ name: 'main', securityContext: { ...context, ...changes.mainContext }, ...changes.main }],
    ...(changes.debug && { ephemeralContainers: [{ name: 'debug', securityContext: context, ...changes.debug }] }),
    ...changes.spec,
  };
  return { annotations: { ...changes.annotations }, spec: spec as unknown as PodSpec };
}

function verdict(level: Level, version: number, changes: Changes): string {
  const { annotations, spec } = podWith(changes);
  return detailsOf(evaluate({ level, version }, subjectOf({ annotations }, spec)));
}

/** `from`, `to`: the versions in which it is wrong, both inclusive; in all others it is right. */
type Case = readonly [level: 'baseline' | 'restricted', from: number, to: number, changes: Changes, said: string];

const all = [0, latest] as const;
const nothing = { securityContext: undefined };
const windows = { os: { name: 'windows' } };
const ownUsers = { hostUsers: false };
const probe = (host: string) => ({ httpGet: { port: 80, host } });

const cases: readonly Case[] = [
  [
    'restricted',
    8,
    latest,
    { mainContext: { allowPrivilegeEscalation: true } },
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)',
  ],
  [
    'restricted',
    8,
    latest,
    { mainContext: { allowPrivilegeEscalation: undefined }, initContext: { allowPrivilegeEscalation: undefined } },
    'allowPrivilegeEscalation != false (containers "init", "main" must set securityContext.allowPrivilegeEscalation=false)',
  ],
  [
    'restricted',
    8,
    24,
    { spec: windows, mainContext: { allowPrivilegeEscalation: undefined } },
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)',
  ],
  [
    'restricted',
    8,
    latest,
    { debug: { securityContext: { capabilities: { drop: ['ALL'] } } } },
    'allowPrivilegeEscalation != false (container "debug" must set securityContext.allowPrivilegeEscalation=false)',
  ],

  [
    'baseline',
    ...all,
    { annotations: { 'container.apparmor.security.beta.kubernetes.io/main': 'unconfined' } },
    'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/main="unconfined"")',
  ],
  [
    'baseline',
    ...all,
    {
      pod: { appArmorProfile: { type: 'Unconfined' } },
      annotations: {
        'container.apparmor.security.beta.kubernetes.io/b': 'x',
        'container.apparmor.security.beta.kubernetes.io/a': 'y',
      },
    },
    'forbidden AppArmor profiles (pod and annotations must not set AppArmor profile type to "Unconfined", "container.apparmor.security.beta.kubernetes.io/a="y"", "container.apparmor.security.beta.kubernetes.io/b="x"")',
  ],
  [
    'baseline',
    ...all,
    {
      pod: { appArmorProfile: { type: 'Unconfined' } },
      mainContext: { appArmorProfile: { type: 'Unconfined' } },
      initContext: { appArmorProfile: { type: 'Unconfined' } },
    },
    'forbidden AppArmor profile (pod and containers "init", "main" must not set AppArmor profile type to "Unconfined")',
  ],

  [
    'baseline',
    ...all,
    { mainContext: { capabilities: { add: ['NET_RAW', 'SYS_ADMIN', 'CHOWN'] } } },
    'non-default capabilities (container "main" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
  ],
  [
    'baseline',
    ...all,
    { initContext: { capabilities: { add: ['chown'] } }, mainContext: { capabilities: { add: ['ALL'] } } },
    'non-default capabilities (containers "init", "main" must not include "ALL", "chown" in securityContext.capabilities.add)',
  ],
  [
    'restricted',
    22,
    latest,
    { mainContext: { capabilities: { add: ['CHOWN'], drop: ['ALL'] } } },
    'unrestricted capabilities (container "main" must not include "CHOWN" in securityContext.capabilities.add)',
  ],
  [
    'restricted',
    22,
    latest,
    { mainContext: { capabilities: { drop: ['all'] } } },
    'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"])',
  ],
  [
    'restricted',
    22,
    24,
    { spec: windows, mainContext: { capabilities: undefined } },
    'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"])',
  ],
  [
    'restricted',
    22,
    latest,
    {
      mainContext: { capabilities: { add: ['CHOWN', 'NET_BIND_SERVICE', 'AUDIT_WRITE'] } },
      initContext: { capabilities: { add: ['CHOWN'], drop: ['ALL'] } },
    },
    'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]; containers "init", "main" must not include "AUDIT_WRITE", "CHOWN" in securityContext.capabilities.add)',
  ],

  ['baseline', ...all, { spec: { hostNetwork: true } }, 'host namespaces (hostNetwork=true)'],
  [
    'baseline',
    ...all,
    { spec: { hostIPC: true, hostPID: true, hostNetwork: true } },
    'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
  ],

  [
    'baseline',
    ...all,
    {
      spec: {
        volumes: [
          { name: 'a', hostPath: { path: '/' } },
          { name: 'b', emptyDir: {} },
        ],
      },
    },
    'hostPath volumes (volume "a")',
  ],
  [
    'baseline',
    ...all,
    {
      spec: {
        volumes: [
          { name: 'a', hostPath: { path: '/' } },
          { name: 'b', hostPath: { path: '/a' } },
        ],
      },
    },
    'hostPath volumes (volumes "a", "b")',
  ],

  [
    'baseline',
    ...all,
    {
      main: {
        ports: [
          { containerPort: 80, hostPort: 80 },
          { containerPort: 81, hostPort: 0 },
        ],
      },
    },
    'hostPort (container "main" uses hostPort 80)',
  ],
  [
    'baseline',
    ...all,
    {
      main: { ports: [{ containerPort: 9, hostPort: 9 }] },
      init: {
        ports: [
          { containerPort: 80, hostPort: 80 },
          { containerPort: 10, hostPort: 10 },
        ],
      },
    },
    'hostPort (containers "init", "main" use hostPorts 10, 80, 9)',
  ],

  [
    'baseline',
    34,
    latest,
    { main: { livenessProbe: probe('127.0.0.1') } },
    'probe or lifecycle host (container "main" uses probe or lifecycle host "127.0.0.1")',
  ],
  [
    'baseline',
    34,
    latest,
    {
      main: { readinessProbe: probe('b'), lifecycle: { preStop: probe('a') } },
      init: { startupProbe: { tcpSocket: { port: 1, host: 'a' } } },
    },
    'probe or lifecycle host (containers "init", "main" use probe or lifecycle hosts "a", "b")',
  ],
  [
    'restricted',
    34,
    latest,
    { main: { lifecycle: { postStart: { tcpSocket: { port: 1, host: 'a' } } } } },
    'probe or lifecycle host (container "main" uses probe or lifecycle host "a")',
  ],

  [
    'baseline',
    ...all,
    { mainContext: { privileged: true } },
    'privileged (container "main" must not set securityContext.privileged=true)',
  ],
  [
    'baseline',
    ...all,
    { debug: { securityContext: { privileged: true } }, initContext: { privileged: true } },
    'privileged (containers "init", "debug" must not set securityContext.privileged=true)',
  ],

  [
    'baseline',
    ...all,
    { mainContext: { procMount: 'Unmasked' } },
    'procMount (container "main" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    'baseline',
    0,
    34,
    { spec: ownUsers, mainContext: { procMount: 'Unmasked' } },
    'procMount (container "main" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    'restricted',
    ...all,
    { spec: ownUsers, mainContext: { procMount: 'Unmasked' }, initContext: { procMount: 'Unmasked' } },
    'procMount (containers "init", "main" must not set securityContext.procMount to "Unmasked")',
  ],

  [
    'restricted',
    ...all,
    { spec: { volumes: [{ name: 'a', hostPath: { path: '/' } }] } },
    'restricted volume types (volume "a" uses restricted volume type "hostPath")',
  ],
  [
    'restricted',
    ...all,
    {
      spec: {
        volumes: [
          { name: 'a', nfs: {} },
          { name: 'b', awsElasticBlockStore: {} },
          { name: 'c', secret: {} },
          { name: 'd', nfs: {} },
        ],
      },
    },
    'restricted volume types (volumes "a", "b", "d" use restricted volume types "awsElasticBlockStore", "nfs")',
  ],
  [
    'restricted',
    ...all,
    { spec: { volumes: [{ name: 'a', brandNew: {} }] } },
    'restricted volume types (volume "a" uses restricted volume type "unknown")',
  ],

  [
    'restricted',
    ...all,
    { pod: { runAsNonRoot: undefined } },
    'runAsNonRoot != true (pod or containers "init", "main" must set securityContext.runAsNonRoot=true)',
  ],
  [
    'restricted',
    ...all,
    { pod: { runAsNonRoot: undefined }, mainContext: { runAsNonRoot: true } },
    'runAsNonRoot != true (pod or container "init" must set securityContext.runAsNonRoot=true)',
  ],
  [
    'restricted',
    ...all,
    { pod: { runAsNonRoot: false }, mainContext: { runAsNonRoot: false } },
    'runAsNonRoot != true (pod and container "main" must not set securityContext.runAsNonRoot=false)',
  ],
  [
    'restricted',
    ...all,
    { pod: { runAsNonRoot: false }, mainContext: { runAsNonRoot: true }, initContext: { runAsNonRoot: true } },
    'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)',
  ],
  [
    'restricted',
    0,
    34,
    { spec: ownUsers, mainContext: { runAsNonRoot: false } },
    'runAsNonRoot != true (container "main" must not set securityContext.runAsNonRoot=false)',
  ],

  [
    'restricted',
    23,
    latest,
    { pod: { runAsNonRoot: true, runAsUser: 0 } },
    'runAsUser=0 (pod must not set runAsUser=0)',
  ],
  [
    'restricted',
    23,
    latest,
    { pod: { runAsNonRoot: true, runAsUser: 0 }, mainContext: { runAsUser: 0 }, initContext: { runAsUser: 0 } },
    'runAsUser=0 (pod and containers "init", "main" must not set runAsUser=0)',
  ],
  [
    'restricted',
    23,
    34,
    { spec: ownUsers, mainContext: { runAsUser: 0 } },
    'runAsUser=0 (container "main" must not set runAsUser=0)',
  ],

  [
    'baseline',
    ...all,
    {
      pod: { seLinuxOptions: { type: 'foo', user: 'u' } },
      mainContext: { seLinuxOptions: { type: 'bar', role: 'r' } },
    },
    'seLinuxOptions (pod and container "main" set forbidden securityContext.seLinuxOptions: types "bar", "foo"; user may not be set; role may not be set)',
  ],
  [
    'baseline',
    ...all,
    { initContext: { seLinuxOptions: { user: 'u' } } },
    'seLinuxOptions (container "init" set forbidden securityContext.seLinuxOptions: user may not be set)',
  ],
  [
    'baseline',
    0,
    30,
    { mainContext: { seLinuxOptions: { type: 'container_engine_t' } } },
    'seLinuxOptions (container "main" set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
  ],

  [
    'baseline',
    0,
    18,
    { annotations: { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' } },
    'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  ],
  [
    'restricted',
    0,
    18,
    {
      annotations: {
        'container.seccomp.security.alpha.kubernetes.io/main': '',
        'container.seccomp.security.alpha.kubernetes.io/init': 'x"y',
        'container.seccomp.security.alpha.kubernetes.io/nobody': 'x',
      },
    },
    'seccompProfile (forbidden annotations container.seccomp.security.alpha.kubernetes.io/init="x\\"y", container.seccomp.security.alpha.kubernetes.io/main="")',
  ],
  [
    'baseline',
    19,
    latest,
    { pod: { seccompProfile: { type: 'Unconfined' } }, mainContext: { seccompProfile: { type: 'Odd' } } },
    'seccompProfile (pod and container "main" must not set securityContext.seccompProfile.type to "Odd", "Unconfined")',
  ],
  [
    'restricted',
    19,
    latest,
    { mainContext: { seccompProfile: { type: 'Unconfined' } } },
    'seccompProfile (container "main" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    'restricted',
    19,
    latest,
    { pod: { runAsNonRoot: true, seccompProfile: undefined }, initContext: { seccompProfile: { type: 'Localhost' } } },
    'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  [
    'restricted',
    19,
    24,
    { spec: windows, pod: { seccompProfile: undefined } },
    'seccompProfile (pod or containers "init", "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],

  [
    'baseline',
    ...all,
    { pod: { sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_syncookies' }, { name: 'a' }] } },
    'forbidden sysctls (kernel.msgmax, a)',
  ],
  [
    'baseline',
    0,
    26,
    { pod: { sysctls: [{ name: 'net.ipv4.ip_local_reserved_ports' }] } },
    'forbidden sysctls (net.ipv4.ip_local_reserved_ports)',
  ],
  [
    'baseline',
    0,
    28,
    { pod: { sysctls: [{ name: 'net.ipv4.tcp_keepalive_time' }, { name: 'net.ipv4.tcp_keepalive_probes' }] } },
    'forbidden sysctls (net.ipv4.tcp_keepalive_time, net.ipv4.tcp_keepalive_probes)',
  ],
  [
    'baseline',
    0,
    28,
    { pod: { sysctls: [{ name: 'net.ipv4.tcp_fin_timeout' }, { name: 'net.ipv4.tcp_keepalive_intvl' }] } },
    'forbidden sysctls (net.ipv4.tcp_fin_timeout, net.ipv4.tcp_keepalive_intvl)',
  ],
  [
    'baseline',
    0,
    31,
    { pod: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }, { name: 'net.ipv4.tcp_wmem' }] } },
    'forbidden sysctls (net.ipv4.tcp_rmem, net.ipv4.tcp_wmem)',
  ],

  [
    'baseline',
    ...all,
    { pod: { windowsOptions: { hostProcess: true } }, mainContext: { windowsOptions: { hostProcess: true } } },
    'hostProcess (pod and container "main" must not set securityContext.windowsOptions.hostProcess=true)',
  ],

  [
    'restricted',
    35,
    latest,
    { spec: ownUsers, pod: { runAsNonRoot: false, runAsUser: 0 }, main: nothing },
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), seccompProfile (pod or containers "init", "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
];

/** One case checks several rules at once, and is told apart in older versions. */
const whole = cases.at(-1) as Case;
const single = cases.slice(0, -1);

const versions = [...Array(38).keys(), latest];

describe('the Pod Security Standards', () => {
  for (const [level, from, to, changes, said] of single) {
    const span = to === latest ? `since v1.${from}` : `from v1.${from} to v1.${to}`;
    test(`${level} ${span}: ${said.slice(0, 110)}`, () => {
      for (const version of versions) {
        const wrong = version >= from && version <= to;
        assert.equal(verdict(level, version, changes), wrong ? said : '', `v1.${version}`);
      }
    });
  }

  test('what stands in a user namespace may run as root, and is else held to everything', () => {
    const [level, , , changes, said] = whole;
    const bare = { ...changes, pod: { runAsNonRoot: false, runAsUser: 0, seccompProfile: undefined } };
    assert.equal(verdict(level, latest, bare), said);
  });

  test('a pod that breaks baseline breaks restricted, with the same words where restricted has none of its own', () => {
    for (const [level, from, to, changes, said] of single) {
      if (level !== 'baseline') continue;
      const version = Math.min(to, 36);
      if (version < from || /capabilities|hostPath|seccomp/.test(said)) continue;
      assert.ok(verdict('restricted', version, changes).includes(said), said);
    }
  });

  test('where restricted has a rule of its own, it stands in for that of baseline', () => {
    const changes = {
      mainContext: { capabilities: { add: ['NET_RAW'], drop: ['ALL'] }, allowPrivilegeEscalation: false },
    };
    const detail = '(container "main" must not include "NET_RAW" in securityContext.capabilities.add)';
    assert.equal(verdict('restricted', 21, changes), `non-default capabilities ${detail}`);
    assert.equal(verdict('restricted', 22, changes), `unrestricted capabilities ${detail}`);
  });

  test('a pod that keeps the newest restricted keeps every level and version', () => {
    for (const version of versions) {
      assert.equal(verdict('restricted', version, {}), '');
      assert.equal(verdict('baseline', version, {}), '');
    }
  });

  test('each volume that holds what the API gives is allowed by restricted', () => {
    const sources = [
      'configMap',
      'csi',
      'downwardAPI',
      'emptyDir',
      'ephemeral',
      'image',
      'persistentVolumeClaim',
      'projected',
      'secret',
    ];
    const volumes = sources.map((source) => ({ name: source.toLowerCase(), [source]: {} }));
    assert.equal(verdict('restricted', latest, { spec: { volumes } }), '');
  });

  test('what breaks several rules is told by level, then by the rule’s name', () => {
    const said = verdict('restricted', latest, {
      spec: { hostNetwork: true, volumes: [{ name: 'v', nfs: {} }] },
      pod: { runAsUser: 0, sysctls: [{ name: 'a' }] },
      mainContext: { privileged: true, allowPrivilegeEscalation: true, seLinuxOptions: { user: 'u' } },
    });
    const reasons = said.split(/ \([^)]*\)(?:, |$)/).filter(Boolean);
    const baseline = ['host namespaces', 'privileged', 'seLinuxOptions', 'forbidden sysctls'];
    assert.deepEqual(reasons, [
      ...baseline,
      'allowPrivilegeEscalation != false',
      'restricted volume types',
      'runAsUser=0',
    ]);
  });

  test('a level asks nothing where it is privileged, and a future version asks what the newest does', () => {
    assert.deepEqual(checksOf({ level: 'privileged', version: latest }), []);
    assert.equal(checksOf({ level: 'restricted', version: 999 }), checksOf({ level: 'restricted', version: latest }));
  });

  test('the tables are in the order in which checks are told, and their versions ascend', () => {
    for (const checks of [baselineChecks, restrictedChecks]) {
      const ids = checks.map(({ id }: Check) => id);
      assert.deepEqual(ids, ids.toSorted());
      for (const { versions: rows } of checks) {
        const since = rows.map(([minor]) => minor);
        assert.deepEqual(
          since,
          [...new Set(since)].sort((a, b) => a - b),
        );
      }
    }
    const baseline = new Set(baselineChecks.map(({ id }) => id));
    for (const { instead } of restrictedChecks)
      assert.ok(instead === undefined || baseline.has(instead), `instead of ${instead}`);
  });
});
