/** Upstream's `security_context.go`, `sysctl.go`, `pod_admission.go` and `node_lease.go`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../../../src/api/schema/types/coordination-v1.ts';
import type { Container } from '../../../src/api/schema/types/core-v1.ts';
import { eventually } from '../../harness.ts';
import { type PodWishes, script, statusOf } from '../workload.ts';
import { type GetLab, userImage } from './lab.ts';

const as = (securityContext: Container['securityContext'], text: string): PodWishes => ({
  containers: [script(text, { securityContext: securityContext ?? {} })],
});

const outputs: readonly (readonly [name: string, pod: PodWishes, output: RegExp])[] = [
  ['should run the container with uid 65534', as({ runAsUser: 65_534 }, 'id -u'), /^65534\n$/],
  ['should run the container with uid 0', as({ runAsUser: 0 }, 'id -u'), /^0\n$/],
  ['should run with an explicit non-root user ID', as({ runAsNonRoot: true, runAsUser: 1000 }, 'id -u'), /^1000\n$/],
  [
    'should run with an image specified user ID',
    { containers: [script('id -u', { image: userImage, securityContext: { runAsNonRoot: true } })] },
    /^1234\n$/,
  ],
  [
    'should run the container with writable rootfs when readOnlyRootFilesystem=false',
    as({ readOnlyRootFilesystem: false }, 'touch checkfile && echo OK'),
    /^OK\n$/,
  ],
  [
    'should run the container as unprivileged when false',
    as({ privileged: false }, 'ip link add dummy0 type dummy 2>&1 || true'),
    /Operation not permitted/,
  ],
  [
    'should not allow privilege escalation when false',
    as({ allowPrivilegeEscalation: false, runAsUser: 1000 }, 'grep NoNewPrivs /proc/self/status'),
    /\t1\n$/,
  ],
  [
    'should allow privilege escalation when true',
    as({ allowPrivilegeEscalation: true, runAsUser: 1000 }, 'grep NoNewPrivs /proc/self/status'),
    /\t0\n$/,
  ],
  [
    'should allow privilege escalation when not explicitly set and uid != 0',
    as({ runAsUser: 1000 }, 'grep NoNewPrivs /proc/self/status'),
    /\t0\n$/,
  ],
  [
    'should support pod.Spec.SecurityContext.SupplementalGroups and RunAsGroup',
    {
      securityContext: { runAsUser: 1001, runAsGroup: 2002, supplementalGroups: [1234, 5678] },
      containers: [script('id -G')],
    },
    /^2002 1234 5678\n$/,
  ],
  [
    'should support sysctls',
    {
      securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] },
      containers: [script('sysctl kernel.shm_rmid_forced')],
    },
    /^kernel\.shm_rmid_forced = 1\n$/,
  ],
  [
    'should support sysctls with slashes as separator',
    {
      securityContext: { sysctls: [{ name: 'kernel/shm_rmid_forced', value: '1' }] },
      containers: [script('sysctl kernel/shm_rmid_forced')],
    },
    /^kernel\.shm_rmid_forced = 1\n$/,
  ],
];

const refusals: readonly (readonly [name: string, container: Partial<Container>, message: RegExp])[] = [
  [
    'should not run with an explicit root user ID',
    { image: userImage, securityContext: { runAsNonRoot: true, runAsUser: 0 } },
    /^Error: container's runAsUser breaks non-root policy \(pod: "[^"]+", container: app\)$/,
  ],
  [
    'should not run without a specified user ID',
    { securityContext: { runAsNonRoot: true } },
    /^Error: container has runAsNonRoot and image will run as root \(pod: "[^"]+", container: app\)$/,
  ],
];

export function identityTests(lab: GetLab): void {
  for (const [index, [title, pod, expected]] of outputs.entries()) {
    test(`Security Context: ${title}`, async () => {
      assert.match(await lab().output(`identity-${index}`, pod), expected);
    });
  }

  for (const [index, [title, container, message]] of refusals.entries()) {
    test(`Security Context: ${title}`, async () => {
      const name = `refused-${index}`;
      await lab().run(name, { containers: [script('id -u', container)] });
      await lab().event(name, 'Failed', message);
      await lab().remove(name);
    });
  }

  test('Security Context: should run the container with readonly rootfs when readOnlyRootFilesystem=true', async () => {
    await lab().run('read-only-fails', as({ readOnlyRootFilesystem: true }, 'touch checkfile'));
    const pod = await lab().watch.ended('read-only-fails');
    assert.deepEqual([pod.status?.phase, statusOf(pod)?.state?.terminated?.exitCode], ['Failed', 1]);
    await lab().remove('read-only-fails');
  });

  test('Sysctls: should not launch unsafe, but not explicitly enabled sysctls on the node', async () => {
    const sysctls = [{ name: 'kernel.msgmax', value: '10000000000' }];
    await lab().run('unsafe-sysctl', { securityContext: { sysctls }, containers: [script('true')] });
    const { status } = await lab().watch.ended('unsafe-sysctl');
    assert.deepEqual([status?.phase, status?.reason], ['Failed', 'SysctlForbidden']);
    await lab().remove('unsafe-sysctl');
  });

  test("PodOSRejection: should reject pod when the node OS doesn't match pod's OS", async () => {
    const [node] = (await lab().cluster.mustKubectl('get', 'nodes', '-o', 'name')).trim().split('\n');
    const nodeName = node?.split('/')[1] ?? '';
    await lab().run('windows', { os: { name: 'windows' }, nodeName, containers: [{ command: ['true'] }] });
    const { status } = await lab().watch.ended('windows');
    assert.deepEqual([status?.phase, status?.reason], ['Failed', 'PodOSNotSupported']);
    await lab().remove('windows');
  });

  test('NodeLease: the kubelet keeps a lease for its node, which the node owns', async () => {
    const nodes = await lab().cluster.json<{ items: { metadata: { name: string; uid: string } }[] }>('get', 'nodes');
    const { name = '', uid = '' } = nodes.items[0]?.metadata ?? {};
    const lease = () => lab().cluster.json<Lease>('get', 'lease', name, '--namespace=kube-node-lease');
    const first = await lease();
    const [owner] = first.metadata?.ownerReferences ?? [];
    assert.deepEqual([owner?.apiVersion, owner?.kind, owner?.name, owner?.uid], ['v1', 'Node', name, uid]);
    assert.deepEqual([first.spec?.holderIdentity, first.spec?.leaseDurationSeconds], [name, 40]);
    await eventually('it is renewed', async () => (await lease()).spec?.renewTime !== first.spec?.renewTime, 60_000);
  });
}
