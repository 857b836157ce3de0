/**
 * The second half of `naru up PATH`: images that must be made, objects into the cluster, waiting until all is healthy, and the addresses. Told by
 * name, so that the next `naru up` of the same folder knows what the last one had.
 */
import { namespaces, nodes as nodeResource } from '../../client/resources.ts';
import { addressesOf } from '../../deploy/addresses.ts';
import type { Application, SourceObject } from '../../deploy/application.ts';
import { type Applied, fieldManager } from '../../deploy/apply-object.ts';
import { type Deployment, deploy } from '../../deploy/deploy.ts';
import { servicesWithoutPods } from '../../deploy/idle-services.ts';
import { shownName } from '../../deploy/target.ts';
import type { Waited } from '../../deploy/wait.ts';
import type { Home } from '../../home.ts';
import { harmless } from '../../lib/harmless.ts';
import { type Connection, withApi } from '../cluster/connection.ts';
import { clusterOf } from '../deploy/read-files.ts';
import { waitAndTell } from '../deploy/wait-and-tell.ts';
import { strong, warning } from '../terminal/terminal.ts';

export interface ApplicationOptions {
  readonly namespace?: string;
  readonly prune?: boolean;
  readonly takeOver?: boolean;
  readonly dryRun?: boolean;
  /** `--no-wait`: false. */
  readonly wait?: boolean;
  readonly timeoutMs: number;
  /** Its nodes are simulated: no program runs, nothing answers. */
  readonly isSimulated: boolean;
}

const nothingSimulated = 'Pods are simulated here, so nothing answers at their addresses.';

export async function applyApplication(
  home: Home,
  application: Application,
  options: ApplicationOptions,
): Promise<void> {
  const { dryRun = false } = options;
  const namespace = homeOf(application, options);
  for (const note of application.notes) console.log(`${warning('note')}: ${harmless(note)}`);
  await withApi(home, { kubeconfig: home.kubeconfig, namespace }, async (connection) => {
    const objects = await withImages(home, application, connection, options);
    if (!dryRun) await provideNamespace(connection, objects);
    const deployed = await applied(connection, { ...application, objects }, options);
    if (dryRun) return;
    if (options.wait === false) {
      console.log(`Applied; it starts in the background: naru status, naru get all -n ${namespace}`);
      return;
    }
    const waited = await waitAndTell(
      connection,
      deployed.objects,
      options.timeoutMs,
      options.isSimulated ? { waysInMs: 0 } : {},
    );
    await tellIdleServices(connection, waited);
    await tellAddresses(connection, waited, options);
  });
}

async function withImages(
  home: Home,
  { images, objects }: Application,
  { clock }: Connection,
  { dryRun = false }: ApplicationOptions,
): Promise<readonly SourceObject[]> {
  if (images.length === 0) return objects;
  if (dryRun) {
    for (const { name } of images) console.log(`the image ${name} would be made, if it is not there`);
    return objects;
  }
  // Loaded only here: what builds and imports is much, and most applications have nothing to build.
  const [{ provideImages }, { nameImages }, { nodeImages }] = await Promise.all([
    import('../../build/provide.ts'),
    import('../../build/name-images.ts'),
    import('../build/node-images.ts'),
  ]);
  const say = (line: string): void => console.log(line);
  const names = await provideImages(images, { cache: home.build, say, clock, store: nodeImages(home) });
  return objects.map((source) => ({ ...source, object: nameImages(source.object, names) }));
}

/** Where what names no namespace goes: as told, else where everything else of the application is. */
export function homeOf({ objects }: Application, { namespace }: { readonly namespace?: string }): string {
  if (namespace !== undefined) return namespace;
  const named = new Set(objects.map(({ object }) => object.metadata?.namespace).filter((name) => name !== undefined));
  const [only] = named;
  return named.size === 1 && only !== undefined ? only : 'default';
}

/** One that the user names is made; those in files are for the files to make. */
async function provideNamespace({ client, namespace }: Connection, objects: readonly SourceObject[]): Promise<void> {
  const isDeclared = objects.some(({ object }) => object.kind === 'Namespace' && object.metadata?.name === namespace);
  if (isDeclared || namespace === 'default') return;
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await client.patch(namespaces, { namespace: '', name: namespace }, { type: 'apply', body }, { fieldManager });
}

async function applied(
  connection: Connection,
  application: Application,
  options: ApplicationOptions,
): Promise<Deployment> {
  const { prune = false, dryRun = false, takeOver = false } = options;
  const end = dryRun ? ' (server dry run)' : '';
  let unchanged = 0;
  const tell = (one: Applied): void => {
    if (one.outcome === 'unchanged') unchanged++;
    else console.log(`${shownName(one)} ${one.outcome}${end}`);
    for (const field of one.taken) console.log(`  took over ${field}`);
  };
  const deployed = await deploy(clusterOf(connection), application.objects, {
    clock: connection.clock,
    setName: application.name,
    force: true,
    prune,
    takeOver,
    dryRun,
    makesNamespace: connection.namespace !== 'default',
    applied: tell,
    pruned: ({ name }) => console.log(`${name} pruned${end}`),
  });
  if (unchanged > 0) console.log(`${unchanged} ${unchanged === 1 ? 'object' : 'objects'} unchanged`);
  if (deployed.leftOver.length > 0) {
    const names = deployed.leftOver.map(({ name }) => name).join(', ');
    console.log(
      `${warning('note')}: ${application.name} has these no more, and they still run: ${names}; --prune deletes them`,
    );
  }
  return deployed;
}

async function tellIdleServices({ client, clock }: Connection, { states }: Waited): Promise<void> {
  for (const { name, why } of await servicesWithoutPods(client, clock, states)) {
    console.log(`${warning('note')}: ${harmless(`${name}: ${why}`)}`);
  }
}

async function tellAddresses(
  { client, namespace }: Connection,
  waited: Waited,
  { isSimulated }: ApplicationOptions,
): Promise<void> {
  if (isSimulated) {
    console.log(nothingSimulated);
    return;
  }
  for (const { target, health } of waited.late)
    console.log(`${warning('note')}: ${shownName(target)}: ${harmless(health.message)}`);
  const { items } = await client.list(nodeResource);
  const nodes = items.flatMap(({ status }) =>
    (status?.addresses ?? [])
      .filter(({ type }) => type === 'ExternalIP' || type === 'InternalIP')
      .map(({ address }) => address),
  );
  const typed = waited.states.map(({ object, target }) => ({ ...object, kind: target.resource.kind }));
  const { addresses, forward } = addressesOf(typed, nodes);
  const width = Math.max(0, ...addresses.map(({ address }) => address.length));
  for (const { address, of, hint } of addresses) {
    console.log(
      `  ${strong(address)}${' '.repeat(width - address.length)}  ${of}${hint === undefined ? '' : ` (${hint})`}`,
    );
  }
  const flag = namespace === 'default' ? '' : ` -n ${namespace}`;
  if (forward !== undefined) console.log(`Only the cluster reaches it; from here: naru port-forward${flag} ${forward}`);
}
