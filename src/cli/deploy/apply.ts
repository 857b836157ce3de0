/** `naru apply`: manifests into the cluster by server-side apply, told as kubectl tells it. */
import { deploy } from '../../deploy/deploy.ts';
import { shownName } from '../../deploy/target.ts';
import type { Home } from '../../home.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { UsageError } from '../exit-code.ts';
import { parseDuration } from '../machine/duration-option.ts';
import { clusterOf, type FileOptions, readFiles } from './read-files.ts';
import { waitAndTell } from './wait-and-tell.ts';

export interface ApplyCommandOptions extends FileOptions, ConnectionOptions {
  readonly dryRun?: 'none' | 'client' | 'server';
  readonly forceConflicts?: boolean;
  readonly application?: string;
  readonly prune?: boolean;
  readonly takeOver?: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
}

export async function apply(home: Home, options: ApplyCommandOptions): Promise<void> {
  if (options.prune === true && options.application === undefined) {
    throw new UsageError('--prune needs --application NAME: it deletes what the last apply under that name had');
  }
  if (options.application !== undefined && !/^[a-z0-9][a-z0-9-]{0,60}$/.test(options.application)) {
    throw new UsageError('--application takes a name of lower-case letters, digits and hyphens');
  }
  const timeoutMs = parseDuration('--timeout', options.timeout ?? '5m');
  const objects = await readFiles(options);
  if (objects.length === 0) throw new UsageError('there is no object in what was named');
  const dryRun = options.dryRun !== undefined && options.dryRun !== 'none';
  const end = dryRun ? ' (server dry run)' : '';
  await withApi(home, options, async (connection) => {
    const deployed = await deploy(clusterOf(connection), objects, {
      clock: connection.clock,
      dryRun,
      prune: options.prune === true,
      takeOver: options.takeOver === true,
      force: options.forceConflicts === true,
      ...(options.application !== undefined && { setName: options.application }),
      applied: (one) => {
        console.log(`${shownName(one)} ${one.outcome}${end}`);
        for (const field of one.taken) console.error(`note: took over ${field}`);
      },
      pruned: ({ name }) => console.log(`${name} pruned${end}`),
    });
    if (deployed.leftOver.length > 0) {
      const names = deployed.leftOver.map(({ name }) => name).join(', ');
      console.error(`note: of the last apply, and not in these files: ${names}; --prune deletes that`);
    }
    if (options.wait === true && !dryRun) await waitAndTell(connection, deployed.objects, timeoutMs);
  });
}
