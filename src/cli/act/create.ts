/** `naru create`: the few objects that one makes by hand; everything else is for a file and `naru apply`. Files are read whole, within the API's bound. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { KubeObject } from '../../api/object.ts';
import type { CronJob, Job } from '../../api/schema/types/batch-v1.ts';
import type { Resource } from '../../client/client.ts';
import { configMaps, cronJobs, deployments, jobs, namespaces, secrets } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';

export interface DataOptions extends ConnectionOptions {
  readonly fromLiteral?: readonly string[];
  readonly fromFile?: readonly string[];
  readonly type?: string;
}

export interface JobOptions extends ConnectionOptions {
  readonly from?: string;
  readonly image?: string;
}

export interface DeploymentOptions extends ConnectionOptions {
  readonly image: string;
  readonly replicas?: number;
  readonly port?: number;
}

export const createNamespace = (home: Home, name: string, options: ConnectionOptions): Promise<void> =>
  create(home, options, namespaces, () => ({ metadata: { name } }));

export const createConfigMap = (home: Home, name: string, options: DataOptions): Promise<void> =>
  create(home, options, configMaps, async () => {
    const data: Record<string, string> = {};
    const binaryData: Record<string, string> = {};
    for (const [key, bytes] of await contents(options)) {
      const text = bytes.toString('utf8');
      if (Buffer.from(text).equals(bytes)) data[key] = text;
      else binaryData[key] = bytes.toString('base64');
    }
    return { metadata: { name }, data, ...(Object.keys(binaryData).length > 0 && { binaryData }) };
  });

export const createSecret = (home: Home, name: string, options: DataOptions): Promise<void> =>
  create(home, options, secrets, async () => {
    const entries = (await contents(options)).map(([key, bytes]) => [key, bytes.toString('base64')] as const);
    return { metadata: { name }, type: options.type ?? 'Opaque', data: Object.fromEntries(entries) };
  });

export async function createJob(
  home: Home,
  name: string,
  command: readonly string[],
  options: JobOptions,
): Promise<void> {
  const { from, image } = options;
  if ((from === undefined) === (image === undefined)) {
    throw new UsageError('say what the job does: --from=cronjob/NAME, or --image=IMAGE');
  }
  if (from !== undefined && command.length > 0) throw new UsageError('with --from the command is that of the CronJob');
  await create(home, options, jobs, async (connection) =>
    from === undefined ? plainJob(name, image ?? '', command) : jobOf(await cronJobNamed(connection, from), name),
  );
}

export const createDeployment = (
  home: Home,
  name: string,
  command: readonly string[],
  { image, replicas = 1, port, ...options }: DeploymentOptions,
): Promise<void> =>
  create(home, options, deployments, () => {
    const labels = { app: name };
    const container = {
      ...containerOf(image, command),
      ...(port !== undefined && { ports: [{ containerPort: port }] }),
    };
    const template = { metadata: { labels }, spec: { containers: [container] } };
    return { metadata: { name, labels }, spec: { replicas, selector: { matchLabels: labels }, template } };
  });

async function create<T extends KubeObject>(
  home: Home,
  options: ConnectionOptions,
  resource: Resource<T>,
  make: (connection: Connection) => T | Promise<T>,
): Promise<void> {
  await withApi(home, options, async (connection) => {
    const { client, namespace } = connection;
    const { apiVersion, kind } = { apiVersion: versionOf(resource), kind: resource.kind };
    const object = await make(connection);
    const metadata = { ...object.metadata, ...(resource.namespaced && { namespace }) };
    await client.create(resource, { ...object, apiVersion, kind, metadata });
    const type = `${resource.kind.toLowerCase()}${resource.group === '' ? '' : `.${resource.group}`}`;
    process.stdout.write(`${type}/${metadata.name} created\n`);
  });
}

const versionOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? version : `${group}/${version}`;

async function cronJobNamed({ client, namespace }: Connection, word: string): Promise<CronJob> {
  const name = /^(?:cronjobs?(?:\.batch)?|cj)\/([^/]+)$/.exec(word)?.[1];
  if (name === undefined) throw new UsageError(`--from takes cronjob/NAME, not "${word}"`);
  return client.get(cronJobs, { namespace, name });
}

/** As its CronJob would make it, only now; it goes when the CronJob goes. */
export function jobOf({ metadata, spec }: CronJob, name: string): Job {
  const { metadata: template, spec: jobSpec } = spec?.jobTemplate ?? {};
  return {
    metadata: {
      name,
      labels: { ...template?.labels },
      annotations: { ...template?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [
        {
          apiVersion: 'batch/v1',
          kind: 'CronJob',
          name: metadata?.name ?? '',
          uid: metadata?.uid ?? '',
          controller: true,
        },
      ],
    },
    ...(jobSpec !== undefined && { spec: jobSpec }),
  };
}

const plainJob = (name: string, image: string, command: readonly string[]): Job => ({
  metadata: { name },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [containerOf(image, command)] } } },
});

const containerOf = (image: string, command: readonly string[]) => ({
  name: containerName(image),
  image,
  ...(command.length > 0 && { command: [...command] }),
});

/** Of `registry:5000/team/web:1` it is `web`. */
export const containerName = (image: string): string =>
  (image.split('/').at(-1) ?? '')
    .split(/[:@]/)[0]
    ?.toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63) || 'main';

const bytesMax = 1024 * 1024;

/** @throws UsageError UserError */
async function contents({ fromLiteral = [], fromFile = [] }: DataOptions): Promise<(readonly [string, Buffer])[]> {
  const literals = fromLiteral.map((pair): readonly [string, Buffer] => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new UsageError(`--from-literal takes KEY=VALUE, not "${pair}"`);
    return [pair.slice(0, equals), Buffer.from(pair.slice(equals + 1))];
  });
  const files = await Promise.all(fromFile.map(fileContent));
  const all = [...literals, ...files];
  const twice = all.find(([key], index) => all.findIndex(([other]) => other === key) !== index);
  if (twice !== undefined) throw new UsageError(`the key "${twice[0]}" is given twice`);
  return all;
}

async function fileContent(word: string): Promise<readonly [string, Buffer]> {
  const equals = word.indexOf('=');
  const file = word.slice(equals + 1);
  try {
    const { size } = await stat(file);
    if (size > bytesMax) throw new UserError(`${file} has ${size} bytes; ConfigMaps and Secrets hold 1 MiB`);
    return [equals < 0 ? path.basename(file) : word.slice(0, equals), await readFile(file)];
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
