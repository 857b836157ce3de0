/**
 * `naru join SERVER --token T`: makes this machine a node. Whatever state an earlier try left, the next one goes on from there; a machine that has
 * joined is started again by `naru join` alone.
 *
 * Kept true: nothing is written before the server has proved that it is the token's cluster; the token is written nowhere; a machine
 * stays with the cluster and the name that it has, until `naru down --all`.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { readNodeFacts } from '../../agent/node-facts.ts';
import { makeKubeconfig, readKubeconfig } from '../../client/kubeconfig.ts';
import { type Home, makeHome } from '../../home.ts';
import { type Clock, RealClock } from '../../lib/clock.ts';
import { replacePrivateFile } from '../../lib/private-file.ts';
import { kubernetesVersion } from '../../server/version.ts';
import { findRunning } from '../background.ts';
import { UsageError } from '../exit-code.ts';
import type { KubeletCommandOptions } from '../kubelet-settings.ts';
import { stopProcess } from '../process-file.ts';
import { readSettings, updateSettings } from '../settings.ts';
import { installSystemPackages, missingPackages } from '../system-packages.ts';
import { canAsk, confirm } from '../terminal/terminal.ts';
import { UserError } from '../user-error.ts';
import { findRunningAgent, isAdmitted, lastSign, nodeIsReady, startAgent } from './agent-process.ts';
import { checkNodeName, nameProblem, serverUrl, versionProblem } from './join-checks.ts';
import { askForCertificate, type FoundServer, findNode, findServer, type NodeCredentials } from './join-server.ts';
import { authorityFingerprint, parseJoinToken } from './join-token.ts';
import { installService, wantsService } from './service.ts';

export interface JoinOptions extends KubeletCommandOptions {
  readonly token?: string;
  readonly caHash?: string;
  readonly nodeName?: string;
  readonly service?: boolean;
  readonly yes?: boolean;
}

export async function join(home: Home, server: string | undefined, options: JoinOptions): Promise<void> {
  const clock = new RealClock({ keepsAlive: true });
  const startMs = clock.monotonic();
  refuseElsewhere(home);
  const joined = await joinedCluster(home);
  if (server === undefined && options.token === undefined) {
    if (joined === undefined) throw whereTo();
  } else {
    if (server === undefined || options.token === undefined) throw whereTo();
    const done = await joinCluster(home, server, joined, options, clock);
    if (done === 'already') return;
  }
  if (await saidRunning(home, clock)) return;
  await installMissing(options);
  await updateSettings(home, kubeletOptions(options));
  const node = readSettings(home).nodeName;
  const before = await lastSign(home, node, clock).catch(() => ({ renewed: undefined }));
  if (await wantsService(home, options)) await installService(home, 'agent');
  else await startAgent(home);
  const ready = await nodeIsReady(home, node, before, clock);
  const seconds = ((clock.monotonic() - startMs) / 1000).toFixed(1);
  const { address = '' } = ready.status?.addresses?.find(({ type }) => type === 'InternalIP') ?? {};
  console.log(`This machine is node ${node} (${address}), Ready after ${seconds} s.

To see it, on the machine of the server: naru node list
To start it after a reboot: naru join. To leave the cluster: naru node remove ${node} there, and naru down --all here.`);
}

function refuseElsewhere(home: Home): void {
  if (process.platform !== 'linux') {
    throw new UserError(
      `a node runs containers, which need Linux, and this is ${process.platform}; join from a Linux machine`,
    );
  }
  if (process.getuid?.() !== 0)
    throw new UserError('a node runs containers, which need root; run the command with sudo');
  if (findRunning(home) !== undefined || existsSync(home.state)) {
    throw new UserError(
      `${home.root} holds a cluster of this machine's own, which cannot join another one; end it for good with naru down --all, or join from another folder: NARU_HOME=FOLDER naru join …`,
    );
  }
}

interface JoinedCluster {
  readonly server: string;
  readonly fingerprint: string;
}

/** Where this machine belongs already; undefined: nowhere. */
async function joinedCluster(home: Home): Promise<JoinedCluster | undefined> {
  if (!existsSync(home.agentKubeconfig)) return undefined;
  const { server, ca } = await readKubeconfig(home.agentKubeconfig);
  return ca === undefined ? undefined : { server, fingerprint: authorityFingerprint(ca) };
}

const whereTo = (): UsageError =>
  new UsageError(
    'say which cluster, and show a token: naru join SERVER --token TOKEN. On the machine of the server, naru token create prints the whole line',
  );

/** Everything up to the credentials on disk. */
async function joinCluster(
  home: Home,
  serverText: string,
  joined: JoinedCluster | undefined,
  options: JoinOptions,
  clock: Clock,
): Promise<'already' | 'written'> {
  const server = serverUrl(serverText);
  const token = parseJoinToken(await tokenText(options.token ?? ''), options.caHash);
  if (joined !== undefined && joined.fingerprint !== token.fingerprint) throw otherCluster(home, joined);
  const name = options.nodeName ?? readSettings(home).nodeName;
  checkNodeName(name);
  if (joined !== undefined) {
    refuseRename(home, name);
    if (await saidRunning(home, clock)) return 'already';
  }
  const found = await findServer(server, token, clock);
  if (found.warning !== undefined) console.log(`Warning: ${found.warning}.`);
  const problem = versionProblem(found.version, kubernetesVersion);
  if (problem !== undefined) throw new UserError(problem);
  await installMissing(options);
  const credentials = await askForCertificate(found, token, name, clock);
  if (joined === undefined) await refuseTakenName(found, credentials, name, clock);
  await keep(home, found, credentials, name, options);
  console.log(`Joined the cluster at ${server} as ${name}.`);
  return 'written';
}

const tokenText = async (token: string): Promise<string> => (token === '-' ? text(process.stdin) : token);

function otherCluster(home: Home, { server }: JoinedCluster): UserError {
  return new UserError(
    `this machine is a node of the cluster at ${server} already, and the token is for another one; leave that first with naru down --all (and naru node remove there), or join from another folder: NARU_HOME=FOLDER (now ${home.root})`,
  );
}

function refuseRename(home: Home, name: string): void {
  const { nodeName } = readSettings(home);
  if (nodeName === name) return;
  throw new UserError(
    `this machine has joined as ${nodeName}; to have it join as ${name}, leave first: naru down --all`,
  );
}

async function refuseTakenName(
  found: FoundServer,
  credentials: NodeCredentials,
  name: string,
  clock: Clock,
): Promise<void> {
  const [node, { machineId, systemUuid }] = await Promise.all([
    findNode(found, credentials, name, clock),
    readNodeFacts('/', []),
  ]);
  const problem = nameProblem(node, { machineId, systemUuid });
  if (problem !== undefined) throw new UserError(problem);
}

/** The settings first: credentials without the name that they are for would be of no use. */
async function keep(
  home: Home,
  { server, ca }: FoundServer,
  { certificate, key }: NodeCredentials,
  name: string,
  options: JoinOptions,
): Promise<void> {
  makeHome(home);
  await updateSettings(home, { ...kubeletOptions(options), nodeName: name });
  const user = `system:node:${name}`;
  const kubeconfig = makeKubeconfig({ server, ca, clientCert: certificate, clientKey: key, user, cluster: 'naru' });
  replacePrivateFile(home.agentKubeconfig, kubeconfig);
}

const kubeletOptions = ({ kubeletConfig, staticPods, pluginFolder, nodeIp }: JoinOptions): KubeletCommandOptions => ({
  ...(kubeletConfig !== undefined && { kubeletConfig: kubeletConfig && path.resolve(kubeletConfig) }),
  ...(staticPods !== undefined && { staticPods: staticPods && path.resolve(staticPods) }),
  ...(pluginFolder !== undefined && { pluginFolder: pluginFolder && path.resolve(pluginFolder) }),
  ...(nodeIp !== undefined && { nodeIp }),
});

async function installMissing({ yes }: JoinOptions): Promise<void> {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (!yes && canAsk()) {
    await confirm(`Install these packages: ${missing.join(' ')}?`, 'a node cannot run containers without them');
  }
  await installSystemPackages((line) => console.log(line));
}

/** Where the agent runs already, that is all. One that the server lets in no more is ended: it needs a new certificate. */
async function saidRunning(home: Home, clock: Clock): Promise<boolean> {
  const running = findRunningAgent(home);
  if (running === undefined) return false;
  if (!(await isAdmitted(home, running.node, clock))) {
    await stopProcess(home.agentProcessFile, clock);
    return false;
  }
  await nodeIsReady(home, running.node, { renewed: undefined }, clock);
  console.log(`This machine is node ${running.node} already, and Ready.`);
  return true;
}
