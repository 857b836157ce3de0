/**
 * `naru agent`: this machine's node alone, in the foreground. It dials out to the server that its kubeconfig names and needs no open port;
 * the server's calls come back over the same connection (ARCHITECTURE.md, D7).
 */
import { existsSync } from 'node:fs';
import { NodeTunnel } from '../agent/tunnel.ts';
import { httpsClient } from '../client/https-client.ts';
import { type ClientConfig, readKubeconfig } from '../client/kubeconfig.ts';
import { type Home, makeHome } from '../home.ts';
import { RealClock } from '../lib/clock.ts';
import { JsonLogger } from '../lib/log.ts';
import { unseededPrng } from '../lib/prng.ts';
import { ServiceGroup } from '../lib/service.ts';
import { containerNode } from '../node.ts';
import { toStandardError } from './log-output.ts';
import { removeProcessFile, writeProcessFile } from './process-file.ts';
import { endOnSignals } from './run.ts';
import { refuseSecondAgent } from './running-agent.ts';
import { readSettings } from './settings.ts';
import { UserError } from './user-error.ts';

export async function agent(home: Home, options: { kubeconfig: string; nodeName?: string }): Promise<void> {
  const clock = new RealClock({ keepsAlive: true });
  const prng = unseededPrng();
  const log = new JsonLogger({ clock, write: toStandardError });
  if (!existsSync(options.kubeconfig)) {
    throw new UserError(
      `there is no kubeconfig ${options.kubeconfig}; start naru server on this machine first, or name one with --kubeconfig`,
    );
  }
  refuseSecondAgent(home);
  const config = await readKubeconfig(options.kubeconfig);
  const settings = readSettings(home);
  const name = options.nodeName ?? settings.nodeName;
  const client = httpsClient({ config, clock, userAgent: 'kubelet/v1.36' });
  const node = containerNode({ home, name, podCidr: settings.podCidr, client, clock, prng, log });
  const url = new URL(config.server);
  const tunnel = new NodeTunnel({
    server: { host: url.hostname, port: Number(url.port || 443) },
    node: name,
    credentials: () => credentialsOf(config, options.kubeconfig),
    handler: node.handler,
    clock,
    prng,
    log,
  });
  // The tunnel outlasts the agent, which takes its leave of those who are connected to its pods.
  const group = new ServiceGroup('agent', [node.machine, tunnel, node.agent], { clock, log });
  makeHome(home);
  writeProcessFile(home.agentProcessFile, { node: name });
  const starting = group.start();
  endOnSignals(async () => {
    await starting;
    await group.close();
    client.close();
    removeProcessFile(home.agentProcessFile);
  });
  await starting;
}

function credentialsOf(config: ClientConfig, file: string): { authority: string; certificate: string; key: string } {
  const { ca, clientCertificate, clientKey } = config;
  if (ca === undefined || clientCertificate === undefined || clientKey === undefined) {
    throw new UserError(
      `the kubeconfig ${file} must hold a certificate authority and a client certificate with its key`,
    );
  }
  return { authority: ca, certificate: clientCertificate, key: clientKey };
}
