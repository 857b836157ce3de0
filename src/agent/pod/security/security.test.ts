import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { PodSecurityContext, PodSpec, SecurityContext } from '../../../api/schema/types/core-v1.ts';
import { StatusError } from '../../../api/status-error.ts';
import type { Client } from '../../../client/client.ts';
import type { ImageStatus, RuntimeFeatures, RuntimeInfo, SandboxConfig, SecurityConfig } from '../../runtime.ts';
import { noFeatures } from '../../runtime.ts';
import { make, nowMs } from '../../testing.ts';
import { ConfigError } from '../config-error.ts';
import { sandboxConfig } from '../sandbox-config.ts';
import { podFeatures } from './pod-features.ts';
import { type ProfileOptions, seccompOf, securityProfiles, wantsAppArmor } from './profiles.ts';
import { RuntimeHandlers } from './runtime-classes.ts';
import { runtimeFeaturesPart } from './runtime-features.ts';
import { checkUser, securityConfig } from './security-config.ts';
import { dottedName, sysctlRules } from './sysctls.ts';
import { UserNamespaces } from './user-namespaces.ts';

const identity = { namespace: 'default', name: 'web', uid: 'u-1' };
const podOf = (ofPod: PodSecurityContext, own: SecurityContext = {}, more: Partial<PodSpec> = {}) => {
  const container = make.container('app', { securityContext: own });
  return { pod: make.pod({ securityContext: ofPod, containers: [container], ...more }), container };
};
const sandboxOf = (pod = make.pod()): SandboxConfig =>
  sandboxConfig(pod, identity, {
    attempt: 0,
    podLogs: '/logs',
    cgroupParent: '/pod',
    hostDns: { servers: [], searches: [], options: [] },
    clusterDns: undefined,
  });
const infoWith = (features: Partial<RuntimeFeatures>, handlers: RuntimeInfo['handlers'] = []): RuntimeInfo => ({
  name: 'containerd',
  version: '2',
  problem: '',
  features: { ...noFeatures, ...features },
  handlers,
});

const plain: SecurityConfig = {
  privileged: false,
  supplementalGroups: [],
  readOnlyRootFilesystem: false,
  noNewPrivileges: false,
  addCapabilities: [],
  dropCapabilities: [],
  seccomp: 'unconfined',
};

/** What the pod says, what the container says, what differs from a plain container. */
const contexts: readonly (readonly [string, PodSecurityContext, SecurityContext, Partial<SecurityConfig>])[] = [
  ['nothing said', {}, {}, {}],
  ['the pod’s user and group', { runAsUser: 1, runAsGroup: 2 }, {}, { runAsUser: 1, runAsGroup: 2 }],
  ['the container’s win', { runAsUser: 1, runAsGroup: 2 }, { runAsUser: 3 }, { runAsUser: 3, runAsGroup: 2 }],
  ['root by name of 0', { runAsUser: 1 }, { runAsUser: 0 }, { runAsUser: 0 }],
  ['groups, the volumes’ first', { fsGroup: 9, supplementalGroups: [5, 6] }, {}, { supplementalGroups: [9, 5, 6] }],
  ['groups kept to', { supplementalGroupsPolicy: 'Strict' }, {}, { supplementalGroupsPolicy: 'strict' }],
  ['groups merged', { supplementalGroupsPolicy: 'Merge' }, {}, {}],
  ['no escalation', {}, { allowPrivilegeEscalation: false }, { noNewPrivileges: true }],
  ['escalation', {}, { allowPrivilegeEscalation: true }, {}],
  ['read-only', {}, { readOnlyRootFilesystem: true }, { readOnlyRootFilesystem: true }],
  ['privileged', {}, { privileged: true }, { privileged: true }],
  [
    'capabilities',
    {},
    { capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } },
    { addCapabilities: ['NET_ADMIN'], dropCapabilities: ['ALL'] },
  ],
  ['all of /proc', {}, { procMount: 'Unmasked' }, { procMount: 'unmasked' }],
  ['the usual /proc', {}, { procMount: 'Default' }, {}],
];

for (const [what, ofPod, own, difference] of contexts) {
  test(`a security context becomes what the runtime is asked for: ${what}`, () => {
    const { pod, container } = podOf(ofPod, own);
    assert.deepEqual(securityConfig(pod, container), { ...plain, ...difference });
  });
}

const image = (changes: Partial<ImageStatus>): ImageStatus => ({
  id: 'i',
  tags: [],
  digests: [],
  sizeBytes: 1,
  ...changes,
});
const where = '(pod: "web_default(u-1)", container: app)';
const users: readonly (readonly [string, PodSecurityContext, SecurityContext, Partial<ImageStatus>, string])[] = [
  ['root is fine where nobody minds', {}, {}, { userId: 0 }, ''],
  ['a user of the image', { runAsNonRoot: true }, {}, { userId: 5 }, ''],
  ['a user of the pod', { runAsNonRoot: true, runAsUser: 7 }, {}, { userId: 0 }, ''],
  ['the container may', { runAsNonRoot: true }, { runAsNonRoot: false }, { userId: 0 }, ''],
  ['root asked for', { runAsNonRoot: true }, { runAsUser: 0 }, {}, "container's runAsUser breaks non-root policy"],
  [
    'root of the image',
    {},
    { runAsNonRoot: true },
    { userId: 0 },
    'container has runAsNonRoot and image will run as root',
  ],
  [
    'a name',
    {},
    { runAsNonRoot: true },
    { userName: 'app' },
    'container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root',
  ],
];

for (const [what, ofPod, own, ofImage, problem] of users) {
  test(`runAsNonRoot: ${what}`, () => {
    const { pod, container } = podOf(ofPod, own);
    const check = (): void => checkUser(pod, container, image(ofImage));
    if (problem === '') check();
    else assert.throws(check, new ConfigError(`${problem} ${where}`));
  });
}

const kernel = { kernelVersion: '6.1.0', allowedUnsafe: ['kernel.msg*', 'net/core/somaxconn'] };
const sysctls: readonly (readonly [string, Partial<PodSpec>, string])[] = [
  ['net.ipv4.tcp_syncookies', {}, ''],
  ['net/ipv4/tcp_syncookies', {}, ''],
  ['net.ipv4.tcp_rmem', {}, ''],
  ['kernel.msgmax', {}, ''],
  ['net.core.somaxconn', {}, ''],
  ['kernel.shm_rmid_forced', { hostNetwork: true }, ''],
  ['net.core.rmem_max', {}, '"net.core.rmem_max" not allowlisted'],
  ['vm.swappiness', {}, '"vm.swappiness" not allowlisted'],
  ['net.ipv4.tcp_syncookies', { hostNetwork: true }, '"net.ipv4.tcp_syncookies" not allowed with host net enabled'],
  ['kernel.msgmax', { hostIPC: true }, '"kernel.msgmax" not allowed with host ipc enabled'],
];

for (const [name, spec, problem] of sysctls) {
  test(`the sysctl ${name} ${problem === '' ? 'is let through' : 'is refused'} with ${JSON.stringify(spec)}`, () => {
    const { pod } = podOf({ sysctls: [{ name, value: '1' }] }, {}, spec);
    const expected =
      problem === '' ? undefined : { reason: 'SysctlForbidden', message: `forbidden sysctl: ${problem}` };
    assert.deepEqual(sysctlRules(kernel).admit?.(pod, []), expected);
  });
}

test('an old kernel has fewer safe sysctls; one that is no version has all; the whole machine’s cannot be allowed', () => {
  const { pod } = podOf({ sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] });
  const admitted = (kernelVersion: string) => sysctlRules({ kernelVersion, allowedUnsafe: [] }).admit?.(pod, []);
  assert.equal(admitted('4.14.0')?.reason, 'SysctlForbidden');
  assert.equal(admitted('4.15.0'), undefined);
  assert.equal(admitted('simulated'), undefined);
  assert.throws(
    () => sysctlRules({ kernelVersion: '6.1', allowedUnsafe: ['vm.*'] }),
    /^Error: allowedUnsafeSysctls: the sysctl "vm\.\*" is not known to be namespaced/,
  );
  assert.equal(dottedName('net/ipv4/conf/eth0.1/rp_filter'), 'net.ipv4.conf.eth0/1.rp_filter');
  const slashed = podOf({ sysctls: [{ name: 'net/core/somaxconn', value: '9' }] }).pod;
  assert.deepEqual(sandboxOf(slashed).sysctls, { 'net.core.somaxconn': '9' });
});

test('the sandbox’s own process runs as the pod’s user, and never as a group without a user', () => {
  const { runAsUser, runAsGroup, supplementalGroups } = sandboxOf(
    podOf({ runAsUser: 5, runAsGroup: 6, fsGroup: 7 }).pod,
  );
  assert.deepEqual(
    { runAsUser, runAsGroup, supplementalGroups },
    { runAsUser: 5, runAsGroup: 6, supplementalGroups: [7] },
  );
  assert.equal('runAsGroup' in sandboxOf(podOf({ runAsGroup: 6 }).pod), false);
});

const profiles = (changes: Partial<ProfileOptions> = {}): ProfileOptions => ({
  seccompFolders: ['/nonexistent/one', '/nonexistent/two'],
  seccompDefault: false,
  appArmor: false,
  ...changes,
});

test('seccomp: the container’s profile, the pod’s, the node’s default', () => {
  const runtimeDefault = { seccompProfile: { type: 'RuntimeDefault' as const } };
  const unconfined = { seccompProfile: { type: 'Unconfined' as const } };
  const of = (a: PodSecurityContext, b: SecurityContext, seccompDefault = false) => {
    const { pod, container } = podOf(a, b);
    return seccompOf(pod, container, profiles({ seccompDefault }));
  };
  assert.equal(of({}, {}), 'unconfined');
  assert.equal(of({}, {}, true), 'runtime-default');
  assert.equal(of(unconfined, {}, true), 'unconfined');
  assert.equal(of(runtimeDefault, {}), 'runtime-default');
  assert.equal(of(runtimeDefault, unconfined), 'unconfined');
});

test('a seccomp profile of this machine is a file below the node’s folder, or below the kubelet’s', (context) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-seccomp-'));
  context.after(() => rmSync(root, { recursive: true }));
  const seccompFolders = [path.join(root, 'own'), path.join(root, 'kubelet')];
  mkdirSync(path.join(root, 'kubelet', 'audit'), { recursive: true });
  const of = (localhostProfile?: string) => {
    const profile = { type: 'Localhost' as const, ...(localhostProfile !== undefined && { localhostProfile }) };
    const { pod, container } = podOf({ seccompProfile: profile });
    return seccompOf(pod, container, profiles({ seccompFolders }));
  };
  assert.deepEqual(of('audit/a.json'), { localhost: path.join(root, 'own/audit/a.json') });
  writeFileSync(path.join(root, 'kubelet/audit/a.json'), '{}');
  assert.deepEqual(of('audit/a.json'), { localhost: path.join(root, 'kubelet/audit/a.json') });
  assert.throws(() => of(), ConfigError);
  assert.throws(() => of('../x'), ConfigError);
  assert.throws(() => of('/etc/passwd'), ConfigError);
});

test('where there is no AppArmor, a pod that asks for a profile is refused, and the runtime is told nothing', async () => {
  const asked = { appArmorProfile: { type: 'RuntimeDefault' as const } };
  const hook = securityProfiles(profiles());
  const refusal = { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
  const { pod, container } = podOf(asked);
  assert.deepEqual(hook.admit?.(pod, []), refusal);
  const running = { ...pod, status: { startTime: '2026-01-01T00:00:00Z' } };
  assert.equal(hook.admit?.(running, []), undefined);
  assert.equal(hook.admit?.(podOf({ appArmorProfile: { type: 'Unconfined' } }).pod, []), undefined);
  const target = { pod, container, identity, attempt: 0, sandboxId: 's', podIps: [] };
  const config = { security: plain } as Parameters<NonNullable<typeof hook.container>>[0];
  assert.equal((await hook.container?.(config, target))?.security.appArmor, undefined);
  const enforcing = securityProfiles(profiles({ appArmor: true }));
  assert.equal(enforcing.admit?.(pod, []), undefined);
  assert.equal((await enforcing.container?.(config, target))?.security.appArmor, 'runtime-default');
});

test('AppArmor: the container’s profile, the annotation of old, the pod’s', () => {
  const annotations = { 'container.apparmor.security.beta.kubernetes.io/app': 'localhost/mine' };
  const annotated = make.pod({}, { annotations });
  assert.equal(wantsAppArmor(annotated), true);
  assert.equal(wantsAppArmor(make.pod()), false);
  const unconfined = make.container('app', { securityContext: { appArmorProfile: { type: 'Unconfined' } } });
  assert.equal(wantsAppArmor(make.pod({ containers: [unconfined] }, { annotations })), false);
});

const classes = (get: () => Promise<unknown>): RuntimeHandlers => new RuntimeHandlers({ get } as unknown as Client);

test('a runtime class names the handler, and stays for the pod’s life', async () => {
  let handler = 'kata';
  const hook = classes(async () => ({ handler }));
  const pod = make.pod({ runtimeClassName: 'secure', overhead: { cpu: '250m', memory: '120Mi' } });
  await hook.prepare(pod);
  handler = 'other';
  const config = hook.sandbox(sandboxOf(pod), pod);
  assert.equal(config.runtimeHandler, 'kata');
  assert.deepEqual([config.overhead?.cpuShares, config.overhead?.memoryLimitBytes], [256, 120 * 2 ** 20]);
  await hook.cleanUp('u-1');
  assert.equal(hook.of(pod), '');
  const classless = sandboxOf();
  assert.equal(hook.sandbox(classless, make.pod()), classless);
});

test('a runtime class that does not exist is said so', async () => {
  const hook = classes(async () => {
    throw new StatusError(404, 'NotFound', 'no', {});
  });
  await assert.rejects(hook.prepare(make.pod({ runtimeClassName: 'nope' })), {
    message: 'RuntimeClass "nope" not found',
  });
  await hook.prepare(make.pod());
});

function namespacesOf(info: RuntimeInfo, folder?: string, handler = '', podsMax = 2): UserNamespaces {
  const options = { runtime: { info: async () => info }, handlerOf: () => handler, podsMax };
  return new UserNamespaces({ ...options, ...(folder !== undefined && { folder }) });
}

const ownUsers = (uid: string) => make.pod({ hostUsers: false }, { uid });
const mappingOf = (hook: UserNamespaces, uid: string): number | undefined => {
  const config = { ...sandboxOf(), pod: { ...identity, uid } };
  return hook.sandbox(config, ownUsers(uid)).userNamespace?.hostId;
};

test('users of a pod’s own are refused where the runtime would ignore the wish', async () => {
  const able = { userNamespaces: true };
  const handlers = [{ name: 'kata', features: noFeatures }];
  await assert.rejects(namespacesOf(infoWith({})).prepare(ownUsers('a')), {
    message: "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
  });
  await assert.rejects(namespacesOf(infoWith(able, handlers), undefined, 'kata').prepare(ownUsers('a')), {
    message: `can't set \`spec.hostUsers: false\`, RuntimeClass handler "kata" does not support user namespaces`,
  });
  await namespacesOf(infoWith({})).prepare(make.pod());
  await namespacesOf(infoWith(able)).prepare(ownUsers('a'));
});

test('ids of pods do not overlap, outlive the agent, and are free when their pod is gone', async (context) => {
  const folder = path.join(mkdtempSync(path.join(os.tmpdir(), 'naru-users-')), 'user-namespaces');
  context.after(() => rmSync(path.dirname(folder), { recursive: true }));
  const info = infoWith({ userNamespaces: true });
  const first = namespacesOf(info, folder);
  await first.prepare(ownUsers('a'));
  await first.prepare(ownUsers('b'));
  await first.prepare(ownUsers('a'));
  assert.deepEqual([mappingOf(first, 'a'), mappingOf(first, 'b')], [65_536, 131_072]);
  assert.equal(statSync(path.join(folder, 'a')).mode & 0o777, 0o600);
  await assert.rejects(first.prepare(ownUsers('c')), /could not find an empty slot/);

  const second = namespacesOf(info, folder);
  assert.equal(mappingOf(second, 'b'), 131_072);
  await second.cleanUp('a');
  assert.deepEqual(readdirSync(folder), ['b']);
  await second.prepare(ownUsers('c'));
  assert.equal(mappingOf(second, 'c'), 65_536);
  assert.equal(mappingOf(second, 'a'), undefined);
});

test('ids that cannot be read are given to nobody until their pod is gone, and what could not be removed is tried again', async (context) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-users-'));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'a'), '');
  writeFileSync(path.join(folder, 'known'), '131072\n');
  const hook = namespacesOf(infoWith({ userNamespaces: true }), folder);
  await assert.rejects(hook.prepare(ownUsers('a')), /the ids of pod a cannot be read from .*\/a/);
  await assert.rejects(hook.prepare(ownUsers('b')), /the ids of pod a cannot be read from .*\/a/);
  await hook.prepare(ownUsers('known'));
  assert.deepEqual(hook.uids(), ['a', 'known'], 'so that who sweeps finds what was left of it');
  rmSync(path.join(folder, 'a'));
  mkdirSync(path.join(folder, 'a', 'busy'), { recursive: true });
  await assert.rejects(hook.cleanUp('a'));
  rmSync(path.join(folder, 'a'), { recursive: true });
  await hook.cleanUp('a');
  await hook.prepare(ownUsers('b'));
  assert.equal(mappingOf(hook, 'b'), 65_536);
});

test('another operating system, and groups that would not be kept to, are refused at the door or before the sandbox', async () => {
  const strict = podOf({ supplementalGroupsPolicy: 'Strict' }).pod;
  const message = 'SupplementalGroupsPolicy=Strict is not supported in this node';
  const hook = (runtimeInfo: RuntimeInfo | undefined, asked = infoWith({})) =>
    podFeatures({ runtime: { info: async () => asked }, runtimeInfo, operatingSystem: 'linux' });
  const refusal = { reason: 'SupplementalGroupsPolicyNotSupported', message };
  assert.deepEqual(hook(infoWith({})).admit?.(strict, []), refusal);
  const able = infoWith({ supplementalGroupsPolicy: true });
  assert.equal(hook(able).admit?.(strict, []), undefined);
  assert.equal(hook(undefined).admit?.(strict, []), undefined);
  await assert.rejects(async () => hook(undefined).prepare?.(strict, identity), { message });
  await hook(undefined, able).prepare?.(strict, identity);
  assert.equal(hook(able).admit?.(make.pod({ os: { name: 'windows' } }), [])?.reason, 'PodOSNotSupported');
  assert.equal(hook(able).admit?.(make.pod({ os: { name: 'linux' } }), []), undefined);
});

test('the node tells what its runtime can do, and nothing of one that tells nothing', () => {
  const report = (runtime: RuntimeInfo) =>
    ({ runtime, images: [], nowMs }) as unknown as Parameters<typeof runtimeFeaturesPart>[1];
  const old = { runtimeHandlers: [{ name: 'gone' }], features: { supplementalGroupsPolicy: true } };
  assert.deepEqual(runtimeFeaturesPart(old, report({ name: 'c', version: '1.6', problem: '' })), {});
  const all = { userNamespaces: true, recursiveReadOnlyMounts: true, supplementalGroupsPolicy: true };
  const status = runtimeFeaturesPart({}, report(infoWith(all, [{ name: 'crun', features: noFeatures }])));
  assert.deepEqual(status, {
    runtimeHandlers: [
      { name: '', features: { recursiveReadOnlyMounts: true, userNamespaces: true } },
      { name: 'crun', features: { recursiveReadOnlyMounts: false, userNamespaces: false } },
    ],
    features: { supplementalGroupsPolicy: true },
  });
});
