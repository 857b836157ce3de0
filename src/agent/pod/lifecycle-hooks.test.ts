import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LifecycleHandler } from '../../api/schema/types/core-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import type { HttpProbe, ProbeResult } from '../probes/probe-transport.ts';
import { type ExecResult, type Runtime, RuntimeError } from '../runtime.ts';
import { make } from '../testing.ts';
import { runHook } from './lifecycle-hooks.ts';
import type { AgentPlatform } from './pod-host.ts';

const target = { container: make.container('app'), containerId: 'app-0', podIp: '10.42.0.5', timeoutMs: 3000 };

function host(answers: { readonly http?: ProbeResult; readonly exec?: () => ExecResult } = {}) {
  const asked: HttpProbe[] = [];
  const http = (probe: HttpProbe): Promise<ProbeResult> => {
    asked.push(probe);
    return Promise.resolve(answers.http ?? { ok: true, message: '' });
  };
  const runtime = { exec: async () => answers.exec?.() } as unknown as Runtime;
  const platform = { probes: { http } } as unknown as AgentPlatform;
  return { clock: new VirtualClock(), runtime, platform, asked };
}

const exited =
  (exitCode: number, stderr = '') =>
  (): ExecResult => ({
    exitCode,
    stdout: Buffer.alloc(0),
    stderr: Buffer.from(stderr),
  });

test('a request has done its work when anything answers, whatever the code', async () => {
  const hook: LifecycleHandler = { httpGet: { port: 80, path: '/bye' } };
  const said = host({ http: { ok: false, answered: true, message: 'HTTP probe failed with statuscode: 500' } });
  await runHook(said, hook, target);
  const [probe] = said.asked;
  assert.deepEqual([probe?.host, probe?.path, probe?.userAgent], ['10.42.0.5', '/bye', 'kube-lifecycle/1.36']);
  const silent = host({ http: { ok: false, message: 'connection refused' } });
  await assert.rejects(runHook(silent, hook, target), /connection refused/);
});

test('a command that fails, or does not end in time, says so', async () => {
  const hook: LifecycleHandler = { exec: { command: ['flush', '--all'] } };
  await runHook(host({ exec: exited(0) }), hook, target);
  await assert.rejects(runHook(host({ exec: exited(1, 'disk full') }), hook, target), /^Error: disk full$/);
  await assert.rejects(runHook(host({ exec: exited(1) }), hook, target), /command failed: "flush --all"/);
  const hangs = host({
    exec: () => {
      throw new RuntimeError('timeout', 'too long');
    },
  });
  await assert.rejects(runHook(hangs, hook, target), /timed out after 3s/);
});

test('a sleep ends with the time that there is', async () => {
  const node = host();
  let isDone = false;
  const sleeping = runHook(node, { sleep: { seconds: 60 } }, target).then(() => {
    isDone = true;
  });
  await node.clock.advance(2999);
  assert.equal(isDone, false);
  await node.clock.advance(1);
  await sleeping;
});

test('what is neither of these is no hook', async () => {
  await assert.rejects(runHook(host(), { tcpSocket: { port: 80 } }, target), /invalid handler/);
});
