/**
 * `naru agent`: this machine's node alone, in the foreground. It dials out to the server that its kubeconfig names and needs no open port;
 * the server's calls come back over the same connection (ARCHITECTURE.md, D7). Its certificate is renewed in time, and a new machine gets its
 * first one with `--bootstrap-kubeconfig`.
 */
import { existsSync } from 'node:fs';
import process from 'node:process';
import { AgentIdentity } from '../agent/certificates/agent-identity.ts';
import { bootstrapIdentity } from '../agent/certificates/bootstrap.ts';
import { CertificateRotation } from '../agent/certificates/rotation.ts';
import { NodeTunnel } from '../agent/tunnel.ts';
import { httpsClient } from '../client/https-client.ts';
import { sharedImagesOver } from '../client/shared-images.ts';
import { type Home, makeHome } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import { parseCidr } from '../lib/ip-addresses.ts';
import { JsonLogger } from '../lib/log.ts';
import { unseededPrng } from '../lib/prng.ts';
import { ServiceGroup } from '../lib/service.ts';
import { containerNode } from '../node.ts';
import { isInBackground, report } from './background.ts';
import { type KubeletCommandOptions, kubeletSettings, nodeConfiguration } from './kubelet-settings.ts';
import { toFile, toStandardError } from './log-output.ts';
import { comeBack, ProgramFollower } from './machine/agent-program/follower.ts';
import {
  afterTrial,
  becomeProgram,
  hasProgram,
  ownDigest,
  programToStart,
  readVersions,
  rememberInstalled,
  writeVersions,
} from './machine/agent-program/versions.ts';
import { readProcessFile, removeProcessFile, writeProcessFile } from './process-file.ts';
import { endOnSignals } from './run.ts';
import { refuseSecondAgent } from './running-agent.ts';
import { readSettings } from './settings.ts';
import { describeError, UserError } from './user-error.ts';
import { programVersion } from './version.ts';

export interface AgentCommandOptions extends KubeletCommandOptions {
  readonly kubeconfig: string;
  readonly bootstrapKubeconfig?: string;
  readonly nodeName?: string;
  readonly podCidr?: string;
}

/** In the background, whoever started it is told whether it runs. */
export async function agent(home: Home, options: AgentCommandOptions): Promise<void> {
  const onTrial = beginProgram(home, options);
  try {
    await runAgent(home, options);
    const running = readProcessFile(home.agentProcessFile);
    if (running !== undefined) report({ ready: running });
  } catch (error) {
    if (onTrial !== undefined) {
      const { trial: _, ...state } = readVersions(home);
      writeVersions(home, { ...state, failed: { digest: onTrial, why: describeError(error, false) } });
      removeProcessFile(home.agentProcessFile);
      comeBack(home, options);
    }
    report({ error: describeError(error, false) });
    throw error;
  }
}

/** Which of the programs that this machine has is this one? Gives way where another one is to run. Returns the one that is on trial. */
function beginProgram(home: Home, options: AgentCommandOptions): string | undefined {
  const own = ownDigest();
  const before = readVersions(home);
  const state = afterTrial(before, own);
  if (state !== before) writeVersions(home, state);
  if (own !== undefined) return state.trial === own ? own : undefined;
  rememberInstalled();
  const other = programToStart(state, programVersion());
  if (other !== undefined && hasProgram(home, other)) becomeProgram(home, other, options);
  return undefined;
}

async function runAgent(home: Home, options: AgentCommandOptions): Promise<void> {
  const clock = new RealClock({ keepsAlive: true });
  const prng = unseededPrng();
  const log = new JsonLogger({ clock, write: isInBackground() ? toFile(home.log) : toStandardError });
  const settings = readSettings(home);
  const name = options.nodeName ?? settings.nodeName;
  const { kubeconfig, bootstrapKubeconfig, podCidr } = options;
  if (podCidr !== undefined && parseCidr(podCidr) === undefined) throw notARange(podCidr);
  refuseSecondAgent(home);
  if (!existsSync(bootstrapKubeconfig ?? kubeconfig)) throw missingKubeconfig(bootstrapKubeconfig ?? kubeconfig);
  const kubelet = await kubeletSettings(settings.kubelet ?? {}, options, process.cwd());
  const configuration = await nodeConfiguration(kubelet, log);
  makeHome(home);
  if (bootstrapKubeconfig !== undefined) {
    const { signal } = new AbortController();
    await bootstrapIdentity({ kubeconfig, bootstrapKubeconfig, node: name, clock, log, signal });
  }
  const identity = await AgentIdentity.read(kubeconfig);
  const { config } = identity;
  const client = httpsClient({ config, clock, userAgent: 'kubelet/v1.36' });
  const range = podCidr !== undefined && { podCidr };
  const node = containerNode({
    home,
    name,
    ...range,
    address: kubelet.nodeIp,
    configuration,
    client,
    sharedImages: sharedImagesOver(client),
    clock,
    prng,
    log,
  });
  const url = new URL(config.server);
  const tunnel = new NodeTunnel({
    server: { host: url.hostname, port: Number(url.port || 443) },
    node: name,
    credentials: () => identity.credentials(),
    handler: node.handler,
    clock,
    prng,
    log,
  });
  const rotation = new CertificateRotation({
    client,
    node: name,
    current: () => identity.credentials().certificate,
    keep: (renewed) => identity.keep(renewed, client),
    clock,
    prng,
    log,
  });
  // The tunnel takes up a new certificate when it dials next: what runs through it is not broken off. It outlasts the agent,
  // which takes its leave of those who are connected to its pods.
  const group = new ServiceGroup('agent', [node.machine, tunnel, rotation, node.network, node.agent], { clock, log });
  writeProcessFile(home.agentProcessFile, { node: name });
  const end = async (): Promise<void> => {
    await starting;
    await follower.close();
    await group.close();
    client.close();
    removeProcessFile(home.agentProcessFile);
  };
  const follower = new ProgramFollower({ home, node: name, client, command: options, end, clock, prng, log });
  const starting = group.start();
  endOnSignals(end);
  await starting;
  await follower.start();
}

function notARange(podCidr: string): UserError {
  return new UserError(`--pod-cidr takes a range of addresses such as 10.42.7.0/24, and got ${podCidr}`);
}

function missingKubeconfig(file: string): UserError {
  return new UserError(
    `there is no kubeconfig ${file}; start naru server on this machine first, or name one with --kubeconfig or --bootstrap-kubeconfig`,
  );
}
