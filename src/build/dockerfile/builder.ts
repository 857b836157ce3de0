/** The program that follows Dockerfiles here: buildah or podman, which need nothing that runs, else docker where its daemon answers. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Builder {
  readonly name: 'buildah' | 'podman' | 'docker';
  readonly program: string;
}

const names = ['buildah', 'podman', 'docker'] as const;
const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** @param searchPath a PATH */
export async function findBuilder(searchPath = process.env['PATH'] ?? ''): Promise<Builder | undefined> {
  const folders = [...new Set([...searchPath.split(':').filter((folder) => folder.startsWith('/')), ...systemFolders])];
  for (const name of names) {
    for (const folder of folders) {
      const program = path.join(folder, name);
      if ((await isExecutable(program)) && (name !== 'docker' || (await answers(program)))) return { name, program };
    }
  }
  return undefined;
}

const isExecutable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

/** docker alone is only half of it. */
const answers = (docker: string): Promise<boolean> =>
  run(docker, ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
