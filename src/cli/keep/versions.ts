/** `naru version`: of this program, and of the cluster that it reaches. Without a cluster it says so, and that is no failure. */
import process from 'node:process';
import type { Home } from '../../home.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { UserError } from '../user-error.ts';
import { programVersion } from '../version.ts';

export interface VersionsOptions extends ConnectionOptions {
  readonly output?: 'json' | 'yaml';
}

interface Versions {
  readonly client: { readonly naru: string; readonly node: string };
  readonly server?: Readonly<Record<string, string>>;
  readonly problem?: string;
}

export async function versions(home: Home, options: VersionsOptions): Promise<void> {
  const client = { naru: programVersion(), node: process.version };
  const found: Versions = { client, ...(await serverVersion(home, options)) };
  if (options.output === 'json') console.log(JSON.stringify(found, undefined, 2));
  else if (options.output === 'yaml') {
    const { stringifyYaml } = await import('../../api/yaml-write.ts');
    process.stdout.write(stringifyYaml(found));
  } else for (const line of versionLines(found)) console.log(line);
}

async function serverVersion(home: Home, options: ConnectionOptions): Promise<Pick<Versions, 'server' | 'problem'>> {
  try {
    return await withApi(home, options, async ({ client }) => {
      const { body } = await client.request({ path: '/version' });
      return { server: JSON.parse(body.toString()) as Readonly<Record<string, string>> };
    });
  } catch (error) {
    // Somebody who names a cluster wants that one.
    if (!(error instanceof UserError) || options.kubeconfig !== undefined || options.context !== undefined) throw error;
    return { problem: error.message };
  }
}

export function versionLines({ client, server, problem }: Versions): readonly string[] {
  const ofServer =
    server === undefined
      ? `not known: ${problem}`
      : `${server['gitVersion']} (Kubernetes API ${server['major']}.${server['minor']})`;
  return [`Client: naru ${client.naru}, Node.js ${client.node}`, `Server: ${ofServer}`];
}
