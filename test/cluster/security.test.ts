/**
 * What a container may do, and what its node refuses: seen from inside by the container itself, and from outside in statuses and events. And
 * pods that no API knows of: those of manifests on the node.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { containerProcesses } from './containers.ts';
import {
  create,
  eventsOf,
  forever,
  type Manifest,
  PodWatch,
  type PodWishes,
  podManifest,
  script,
  statusOf,
} from './workload.ts';

const kubeletConfiguration = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
allowedUnsafeSysctls: ['kernel.msg*']
seccompDefault: true
`;

/** Everything is allowed but one call. */
const noFolders = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
};

const hasAppArmor = existsSync('/sys/kernel/security/apparmor');

describe('the security of pods', { timeout: 600_000, concurrency: 6 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let before_: readonly string[];
  let files: string;
  let manifests: string;
  let nodeName: string;

  before(async () => {
    before_ = await machineState();
    files = mkdtempSync(path.join(os.tmpdir(), 'naru-security-'));
    manifests = path.join(files, 'manifests');
    mkdirSync(manifests);
    const file = path.join(files, 'kubelet.yaml');
    writeFileSync(file, kubeletConfiguration);
    cluster = await TestCluster.up('--kubelet-config', file, '--static-pods', manifests);
    watch = new PodWatch(cluster);
    mkdirSync(path.join(cluster.home, 'node', 'seccomp'), { recursive: true });
    writeFileSync(path.join(cluster.home, 'node', 'seccomp', 'no-folders.json'), JSON.stringify(noFolders));
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    nodeName =
      (await cluster.json<{ items: { metadata: { name: string } }[] }>('get', 'nodes')).items[0]?.metadata.name ?? '';
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    rmSync(files, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  /** Lets the pod run to its end, and resolves with the lines that it wrote. */
  const output = async (name: string, wishes: PodWishes): Promise<readonly string[]> => {
    await create(cluster, podManifest(name, wishes));
    await watch.ended(name);
    return (await cluster.mustKubectl('logs', name)).trim().split('\n');
  };

  const eventOf = (name: string, reason: string): Promise<string> =>
    eventually(`event ${reason} of ${name}`, async () => {
      const event = (await eventsOf(cluster, name)).find((one) => one.reason === reason);
      return event?.message;
    });

  const remove = (name: string): Promise<unknown> =>
    cluster.mustKubectl('delete', 'pod', name, '--wait=false', '--grace-period=1');

  test('a container sees nothing of the machine’s memory and keys, and cannot write the kernel’s parameters', async () => {
    const look = `wc -c < /proc/timer_list; wc -c < /proc/keys; ls /sys/firmware | wc -l
      (echo 7 > /proc/sys/kernel/panic) 2>&1; (echo 1 > /proc/irq/default_smp_affinity) 2>&1; true`;
    const lines = await output('masked', { containers: [script(look)] });
    assert.deepEqual(lines.slice(0, 3), ['0', '0', '0']);
    assert.match(lines[3] ?? '', /Read-only file system/);
    assert.match(lines[4] ?? '', /Read-only file system/);
  });

  test('capabilities, privileges, groups, and the root file system are as the pod says', async () => {
    const look = `sed -n 's/^CapEff:.//p; s/^NoNewPrivs:.//p; s/^Seccomp:.//p' /proc/self/status
      id -u; id -g; id -G; (touch /x) 2>&1; true`;
    const securityContext = {
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    };
    const lines = await output('limited', {
      securityContext: { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456, supplementalGroups: [4567] },
      containers: [script(look, { securityContext })],
    });
    // As the user has no capabilities of its own, those of the container bound it.
    assert.deepEqual(lines.slice(0, 6), ['0000000000000000', '1', '2', '1234', '2345', '2345 3456 4567']);
    assert.match(lines[6] ?? '', /Read-only file system/);
    const asRoot = "sed -n 's/^CapEff:.//p' /proc/self/status";
    const rootContext = { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } };
    assert.deepEqual(await output('bounded', { containers: [script(asRoot, { securityContext: rootContext })] }), [
      '0000000000000400',
    ]);
  });

  test('a seccomp profile of the node denies what it says; without one the node’s default holds; unconfined is none', async () => {
    const look = "mkdir /tmp-x 2>&1; sed -n 's/^Seccomp:.//p' /proc/self/status";
    const seccompProfile = { type: 'Localhost' as const, localhostProfile: 'no-folders.json' };
    const denied = await output('denied', { containers: [script(look, { securityContext: { seccompProfile } })] });
    assert.match(denied[0] ?? '', /Operation not permitted/);
    assert.equal(denied[1], '2');
    const mode = "sed -n 's/^Seccomp:.//p' /proc/self/status";
    assert.deepEqual(await output('default', { containers: [script(mode)] }), ['2']);
    const unconfined = { seccompProfile: { type: 'Unconfined' as const } };
    assert.deepEqual(await output('unconfined', { securityContext: unconfined, containers: [script(mode)] }), ['0']);
  });

  test('a seccomp profile that the node has not is said so', async () => {
    const seccompProfile = { type: 'Localhost' as const, localhostProfile: 'absent.json' };
    await create(cluster, podManifest('absent', { securityContext: { seccompProfile }, containers: [script('true')] }));
    const waiting = (pod: Pod) => statusOf(pod)?.state?.waiting;
    const pod = await watch.until('absent', 'it waits', (one) => waiting(one)?.reason === 'CreateContainerError');
    assert.match(waiting(pod)?.message ?? '', /node\/seccomp\/absent\.json/);
    await remove('absent');
  });

  test('sysctls: safe ones and allowed ones are set, others are refused', async () => {
    const look = 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax';
    const sysctls = [
      { name: 'net.ipv4.ip_unprivileged_port_start', value: '81' },
      { name: 'kernel.msgmax', value: '9000' },
    ];
    assert.deepEqual(await output('sysctls', { securityContext: { sysctls }, containers: [script(look)] }), [
      '81',
      '9000',
    ]);
    const unsafe = [{ name: 'net.core.somaxconn', value: '10' }];
    await create(
      cluster,
      podManifest('unsafe', { securityContext: { sysctls: unsafe }, containers: [script('true')] }),
    );
    const { status } = await watch.ended('unsafe');
    assert.equal(status?.reason, 'SysctlForbidden');
    assert.equal(status?.message, 'Pod was rejected: forbidden sysctl: "net.core.somaxconn" not allowlisted');
  });

  test('what the runtime would ignore in silence is refused aloud', async () => {
    await create(cluster, podManifest('own-users', { hostUsers: false, containers: [script('id')] }));
    const features = (
      await cluster.json<{ items: { status: { runtimeHandlers?: { features?: { userNamespaces?: boolean } }[] } }[] }>(
        'get',
        'nodes',
      )
    ).items[0]?.status;
    if (features?.runtimeHandlers?.[0]?.features?.userNamespaces) {
      await watch.ended('own-users');
    } else {
      assert.equal(
        await eventOf('own-users', 'FailedCreatePodSandBox'),
        "Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces",
      );
      await remove('own-users');
    }
  });

  test('where there is no AppArmor, a pod that asks for a profile is refused', { skip: hasAppArmor }, async () => {
    const securityContext = { appArmorProfile: { type: 'RuntimeDefault' as const } };
    await create(cluster, podManifest('armored', { securityContext, containers: [script('true')] }));
    const { status } = await watch.ended('armored');
    assert.equal(status?.reason, 'AppArmor');
    assert.equal(status?.message, 'Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host');
    const unconfined = { appArmorProfile: { type: 'Unconfined' as const } };
    assert.deepEqual(await output('unarmored', { securityContext: unconfined, containers: [script('echo runs')] }), [
      'runs',
    ]);
  });

  test('a container that must not be root, and would be, is not started', async () => {
    const securityContext = { runAsNonRoot: true };
    await create(cluster, podManifest('rootless', { securityContext, containers: [script('true')] }));
    const waiting = (pod: Pod) => statusOf(pod)?.state?.waiting;
    const pod = await watch.until(
      'rootless',
      'it waits',
      (one) => waiting(one)?.reason === 'CreateContainerConfigError',
    );
    const where = `(pod: "rootless_default(${pod.metadata?.uid})", container: app)`;
    assert.equal(waiting(pod)?.message, `container has runAsNonRoot and image will run as root ${where}`);
    await remove('rootless');
  });

  test('a runtime class names the handler; one that the runtime has not is said so', async () => {
    const runtimeClass = (name: string, handler: string): Manifest => ({
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name },
      handler,
    });
    await create(cluster, runtimeClass('plain', 'runc'), runtimeClass('strange', 'nobody-has-it'));
    assert.deepEqual(await output('classy', { runtimeClassName: 'plain', containers: [script('echo runs')] }), [
      'runs',
    ]);
    await create(cluster, podManifest('stranger', { runtimeClassName: 'strange', containers: [script('true')] }));
    assert.match(await eventOf('stranger', 'FailedCreatePodSandBox'), /nobody-has-it/);
    await remove('stranger');
  });

  test('a static pod runs, is shown by a mirror that can be read and entered, and lives and dies with its manifest', async () => {
    const file = path.join(manifests, 'web.yaml');
    const manifest = (word: string) =>
      podManifest('still', { restartPolicy: 'Always', containers: [script(`echo ${word}; ${forever}`)] });
    writeFileSync(file, JSON.stringify(manifest('one')));
    const name = `still-${nodeName}`;
    const mirror = await watch.ready(name);
    const hash = mirror.metadata?.annotations?.['kubernetes.io/config.hash'] ?? '';
    assert.equal(mirror.metadata?.annotations?.['kubernetes.io/config.mirror'], hash);
    assert.equal(mirror.metadata?.ownerReferences?.[0]?.kind, 'Node');
    assert.equal(await cluster.mustKubectl('logs', name), 'one\n');
    assert.equal(await cluster.mustKubectl('exec', name, '--', 'echo', 'inside'), 'inside\n');
    const [process] = containerProcesses(hash);
    assert.ok(process !== undefined);

    await cluster.mustKubectl('delete', 'pod', name, '--wait=false');
    const again = await watch.until(name, 'there is another', ({ metadata, status }) => {
      return metadata?.uid !== mirror.metadata?.uid && status?.phase === 'Running';
    });
    assert.deepEqual(containerProcesses(hash), [process], 'the pod itself is as it was');
    assert.equal(statusOf(again)?.containerID, statusOf(mirror)?.containerID);

    writeFileSync(file, JSON.stringify(manifest('two')));
    await watch.until(name, 'the new one runs', ({ metadata, status }) => {
      return metadata?.annotations?.['kubernetes.io/config.hash'] !== hash && status?.phase === 'Running';
    });
    assert.equal(await cluster.mustKubectl('logs', name), 'two\n');
    assert.deepEqual(containerProcesses(hash), []);
    rmSync(file);
    await watch.gone(name);
  });
});
