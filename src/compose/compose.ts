/**
 * A Compose file as an application for the cluster: read and merged as the Compose specification says (`loading/`), then told in Kubernetes'
 * objects (`meaning/`). What each key becomes stands in one table, `keys.ts`; what cannot be carried over comes back as notes.
 */
import path from 'node:path';
import type { Application } from '../deploy/application.ts';
import { ManifestError } from '../manifests/source-object.ts';
import { type ComposeFiles, realFiles } from './files.ts';
import { loadProject } from './loading/load.ts';
import { translate } from './meaning/translate.ts';
import { surroundingsOf } from './surroundings.ts';

export interface ComposeOptions {
  /** Absolute. None: COMPOSE_FILE, else the usual names, in `directory` and above it. */
  readonly files: readonly string[];
  /** Absolute: where the search begins. */
  readonly directory: string;
  /** The variables of the shell; those of `.env` stand behind them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute, in place of `.env` beside the first file. */
  readonly envFiles?: readonly string[];
  /** Besides those of COMPOSE_PROFILES; `*` stands for all. */
  readonly profiles?: readonly string[];
  /** In place of the file's own name. */
  readonly projectName?: string;
}

/** The names under which a Compose file is found in a folder, best first. */
export const composeFileNames = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'] as const;

/** @throws ManifestError that says which file and key is wrong, and why */
export async function composeApplication(
  options: ComposeOptions,
  files: ComposeFiles = realFiles,
): Promise<Application> {
  const chosen = options.files.length > 0 ? options.files : await findFiles(options, files);
  const project = await loadProject({ ...options, files: chosen }, files);
  return translate(project, await surroundingsOf(project, files));
}

/** Only where no file is named, as Compose does. */
async function overridesOf(file: string, files: ComposeFiles): Promise<string[]> {
  const name = path.basename(file).replace(/\.ya?ml$/, '');
  for (const ending of ['yaml', 'yml']) {
    const override = path.join(path.dirname(file), `${name}.override.${ending}`);
    if ((await files.kindOf(override)) === 'file') return [override];
  }
  return [];
}

async function findFiles({ directory, environment }: ComposeOptions, files: ComposeFiles): Promise<readonly string[]> {
  const listed = environment['COMPOSE_FILE'];
  if (listed !== undefined && listed !== '') {
    const separator = environment['COMPOSE_PATH_SEPARATOR'] ?? ':';
    return listed.split(separator).map((file) => path.resolve(directory, file));
  }
  for (let folder = directory; ; folder = path.dirname(folder)) {
    for (const name of composeFileNames) {
      const file = path.join(folder, name);
      if ((await files.kindOf(file)) === 'file') return [file, ...(await overridesOf(file, files))];
    }
    if (folder === path.dirname(folder)) break;
  }
  throw new ManifestError(
    `${directory}: there is no Compose file here or above (${composeFileNames.join(', ')}); name one`,
  );
}
