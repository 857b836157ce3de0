/** What a probe or a life-cycle hook does: a command in the container, or a request to its pod. */
import type { Container, HTTPGetAction, Probe } from '../../api/schema/types/core-v1.ts';
import type { IntOrString } from '../../api/schema/types/meta-v1.ts';
import { type Runtime, RuntimeError } from '../runtime.ts';
import type { HttpProbe, ProbeResult, ProbeTransport } from './probe-transport.ts';

const outputCharsMax = 10_240;
/** A probe that cannot be made is tried again at once, so often. */
const triesMax = 3;

export interface ProbeTarget {
  readonly runtime: Runtime;
  readonly transport: ProbeTransport;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
}

/** Never rejects: a probe that could not be made says nothing about the container, and is `isVoid`. */
export async function askProbe(probe: Probe, target: ProbeTarget): Promise<ProbeResult> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask(probe, target);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (tries >= triesMax) return { ok: false, isVoid: true, message };
    }
  }
}

async function ask(probe: Probe, target: ProbeTarget): Promise<ProbeResult> {
  const { runtime, transport, container, containerId, podIp } = target;
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec !== undefined) return execProbe(runtime, containerId, probe.exec.command ?? [], timeoutMs);
  if (probe.httpGet !== undefined) return transport.http(httpTarget(probe.httpGet, container, podIp), timeoutMs);
  if (probe.tcpSocket !== undefined) {
    const { host, port } = probe.tcpSocket;
    return transport.tcp(host || podIp, portNumber(port, container), timeoutMs);
  }
  if (probe.grpc !== undefined) {
    const { port, service = '' } = probe.grpc;
    return transport.grpc({ host: podIp, port, service }, timeoutMs);
  }
  throw new Error(`missing probe handler for container ${container.name}`);
}

/** @throws RuntimeError where the command could not be run at all */
export async function execProbe(
  runtime: Runtime,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeResult> {
  try {
    const { exitCode, stdout, stderr } = await runtime.exec(containerId, command, timeoutMs);
    const output = Buffer.concat([stdout, stderr]).toString().slice(0, outputCharsMax);
    return { ok: exitCode === 0, message: exitCode === 0 ? '' : output };
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.kind !== 'timeout') throw error;
    return { ok: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` };
  }
}

export function httpTarget(action: HTTPGetAction, container: Container, podIp: string): HttpProbe {
  const path = action.path ?? '/';
  return {
    scheme: action.scheme === 'HTTPS' ? 'https' : 'http',
    host: action.host || podIp,
    port: portNumber(action.port, container),
    path: path.startsWith('/') ? path : `/${path}`,
    headers: (action.httpHeaders ?? []).map(({ name, value }) => [name, value] as const),
  };
}

/** @throws Error where the container has no port of that name */
export function portNumber(port: IntOrString, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
  if (Number.isInteger(named)) return named;
  throw new Error(`invalid port: couldn't find port "${port}" in container ${container.name}`);
}
