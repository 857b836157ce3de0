/** Upstream's steps that change a pod while it runs: generations, ephemeral containers, readiness gates, images; and its streams over WebSocket. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { refusal } from '../../clients/conformance/client.ts';
import { update } from '../../clients/conformance/lifecycle.ts';
import type { Sent } from '../../clients/conformance/wire.ts';
import { eventually } from '../../harness.ts';
import { condition, forever, isReady, podManifest, script, statusOf } from '../workload.ts';
import { type GetLab, type NodeLab, restartsOf, userImage } from './lab.ts';

const gates = ['k8s.io/test-condition1', 'k8s.io/test-condition2'] as const;

/** All that a server sends until it ends the connection, without the byte that names the channel where there is one. */
function received(lab: NodeLab, path: string, protocol: string, skip: number): Promise<string> {
  const { server, authority, certificate, key } = lab.cluster.connection;
  const socket = new WebSocket(`${server.replace('https', 'wss')}${path}`, [protocol], {
    ca: authority,
    cert: certificate,
    key,
  });
  let text = '';
  socket.on('message', (data: Buffer) => {
    text += data.subarray(skip).toString();
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
  });
}

export function changeTests(lab: GetLab): void {
  test('Pod Generation: starts at 1, follows the specification alone, and the status tells what was seen of it', async () => {
    const { pods, watch } = lab();
    const name = 'generation';
    const manifest = podManifest(name, {
      restartPolicy: 'Always',
      initContainers: [script('true')],
      containers: [script(forever)],
    });
    const made = await pods.create({ ...manifest, metadata: { ...manifest.metadata, generation: 100 } });
    assert.equal(made.metadata.generation, 1);
    const begun = await watch.ready(name);
    assert.equal(begun.status?.observedGeneration, 1);
    const [app] = made.spec.containers as readonly Sent[];
    const [init] = made.spec.initContainers as readonly Sent[];
    const toleration = { key: 'foo', operator: 'Equal', value: 'bar', effect: 'NoSchedule' };
    const steps: readonly (readonly [changes: Sent, generation: number])[] = [
      [{}, 1],
      [{ spec: { tolerations: [...made.spec.tolerations, toleration] } }, 2],
      [{ spec: { activeDeadlineSeconds: 5000 } }, 3],
      [{ spec: { containers: [{ ...app, image: userImage }] } }, 4],
      [{ spec: { initContainers: [{ ...init, image: userImage }] } }, 5],
      [{ metadata: { annotations: { key: 'value' } } }, 5],
    ];
    for (const [changes, generation] of steps) {
      await update(pods, name, '', changes);
      assert.equal((await pods.get(name)).metadata.generation, generation, JSON.stringify(changes));
    }
    const latest = await eventually('a write that says another generation', async () => {
      const pod = await pods.get(name);
      const written = pods.update({ ...pod, metadata: { ...pod.metadata, generation: 1 } });
      return (await refusal(written, 409)) === undefined ? written : undefined;
    });
    assert.equal(latest.metadata.generation, 5, 'what the client says of it is ignored');
    const seen = await watch.until(name, 'all is seen', ({ status }) => status?.observedGeneration === 5);
    for (const { type, observedGeneration } of seen.status?.conditions ?? []) {
      if (type !== 'PodScheduled') assert.ok((observedGeneration ?? 0) >= 1, type);
    }
    const replaced = await watch.until(
      name,
      'the new image runs',
      (pod) => restartsOf(pod, 'app') === 1 && isReady(pod),
    );
    assert.match(statusOf(replaced, 'app')?.image ?? '', /user-1234/);
    await pods.delete(name, { gracePeriodSeconds: 60 });
    const ending = watch.history(name).at(-1)?.metadata?.generation ?? 0;
    await watch.gone(name);
    assert.ok(ending >= 5);
    assert.equal(watch.history(name).at(-1)?.metadata?.generation, 6);
  });

  test('Pods: a negative grace period is one second', async () => {
    const { pods } = lab();
    await pods.create(
      podManifest('negative-grace', { terminationGracePeriodSeconds: -1, containers: [script(forever)] }),
    );
    assert.equal((await pods.get('negative-grace')).spec.terminationGracePeriodSeconds, 1);
    await eventually('a write that says so again', async () => {
      const pod = await pods.get('negative-grace');
      const spec = { ...pod.spec, terminationGracePeriodSeconds: -1 };
      return (await refusal(pods.update({ ...pod, spec }), 409)) === undefined;
    });
    assert.equal((await pods.get('negative-grace')).spec.terminationGracePeriodSeconds, 1);
    await lab().remove('negative-grace');
  });

  test('Ephemeral Containers: will start in an existing pod, can be entered and heard; a second one can be added', async () => {
    const { pods, watch } = lab();
    const name = 'ephemeral';
    await lab().run(name, { containers: [{ command: ['/bin/sleep'], args: ['10000'] }] });
    assert.equal((await watch.ready(name)).metadata?.generation, 1);
    const text = 'while true; do echo polo; sleep 0.5; done';
    const debug = { ...script(text), name: 'debugger', image: userImage, stdin: true, tty: true };
    const patched = await pods.patch(
      name,
      'strategic',
      { spec: { ephemeralContainers: [debug] } },
      'ephemeralcontainers',
    );
    assert.equal(patched.metadata.generation, 2);
    const runs = (one: string) => (pod: Pod) =>
      pod.status?.ephemeralContainerStatuses?.find((status) => status.name === one)?.state?.running !== undefined;
    await watch.until(name, 'the first runs', runs('debugger'));
    assert.equal(await lab().exec(name, 'debugger', '/bin/echo', 'marco'), 'marco\n');
    await eventually('its output', async () => (await lab().logs(name, 'container=debugger')).includes('polo'));
    const [first] = (await pods.get(name, 'ephemeralcontainers')).spec.ephemeralContainers as readonly Sent[];
    const second = {
      ...script(forever),
      name: 'debugger2',
      image: userImage,
      imagePullPolicy: 'IfNotPresent',
      terminationMessagePolicy: 'File',
    };
    await update(pods, name, 'ephemeralcontainers', { spec: { ephemeralContainers: [first, second] } });
    assert.equal((await pods.get(name, 'ephemeralcontainers')).spec.ephemeralContainers.length, 2);
    const both = await watch.until(name, 'the second runs', runs('debugger2'));
    assert.ok(runs('debugger')(both) && isReady(both) && restartsOf(both, 'app') === 0);
    await lab().remove(name);
  });

  test('Pods: should support pod readiness gates', async () => {
    const { pods, watch } = lab();
    const name = 'gated';
    const readinessGates = gates.map((conditionType) => ({ conditionType }));
    await lab().run(name, { readinessGates, containers: [script(forever)] });
    const set = (type: string, status: string): Promise<Sent> =>
      pods.patch(name, 'strategic', { status: { conditions: [{ type, status }] } }, 'status');
    const waiting = await watch.until(
      name,
      'its containers are ready',
      (pod) => condition(pod, 'ContainersReady')?.status === 'True',
    );
    assert.deepEqual(
      [condition(waiting, 'Ready')?.status, condition(waiting, 'Ready')?.reason],
      ['False', 'ReadinessGatesNotReady'],
    );
    await set(gates[0], 'True');
    const one = await watch.until(name, 'only the second is missing', (pod) => {
      return (
        condition(pod, 'Ready')?.message?.includes(gates[1]) === true &&
        !condition(pod, 'Ready')?.message?.includes(gates[0])
      );
    });
    assert.equal(isReady(one), false);
    await set(gates[1], 'True');
    await watch.ready(name);
    await set(gates[0], 'False');
    await watch.until(name, 'it is not ready', (pod) => !isReady(pod));
    await lab().remove(name);
  });

  test('Pods: should support remote command execution and retrieving logs over websockets', async () => {
    const name = 'websockets';
    await lab().run(name, { containers: [script('echo container is alive; exec sleep 600')] });
    await lab().watch.ready(name);
    const base = `/api/v1/namespaces/default/pods/${name}`;
    const words = ['echo', 'remote execution test'].map((word) => `command=${encodeURIComponent(word)}`).join('&');
    const said = await received(lab(), `${base}/exec?stderr=1&stdout=1&container=app&${words}`, 'channel.k8s.io', 1);
    assert.equal(said, 'remote execution test\n');
    assert.equal(await received(lab(), `${base}/log?container=app`, 'binary.k8s.io', 0), 'container is alive\n');
    await lab().remove(name);
  });

  test('Pods: should allow activeDeadlineSeconds to be updated', async () => {
    const { pods, watch } = lab();
    await lab().run('deadline-later', { restartPolicy: 'Always', containers: [script(forever)] });
    await watch.ready('deadline-later');
    await update(pods, 'deadline-later', '', { spec: { activeDeadlineSeconds: 3 } });
    const { status } = await watch.ended('deadline-later');
    assert.deepEqual([status?.phase, status?.reason], ['Failed', 'DeadlineExceeded']);
    await lab().remove('deadline-later');
  });
}
