/** `naru compose convert`: manifests on standard output, notes on standard error. */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { stringifyYaml } from '../../api/yaml.ts';
import { composeApplication } from '../../compose/compose.ts';
import type { Application } from '../../deploy/application.ts';

export interface ConvertOptions {
  readonly output: 'yaml' | 'json';
  readonly projectName?: string;
  readonly profile?: readonly string[];
  readonly envFile?: readonly string[];
}

export async function convert(files: readonly string[], options: ConvertOptions): Promise<void> {
  const directory = realpathSync('.');
  const absolute = (file: string): string => path.resolve(directory, file);
  const application = await composeApplication({
    files: files.map(absolute),
    directory,
    environment: process.env,
    ...(options.envFile && { envFiles: options.envFile.map(absolute) }),
    ...(options.profile && { profiles: options.profile }),
    ...(options.projectName !== undefined && { projectName: options.projectName }),
  });
  process.stderr.write(notesOf(application));
  process.stdout.write(options.output === 'json' ? asJson(application) : asYaml(application));
}

function notesOf({ notes, images }: Application): string {
  const built = images.map(
    ({ name, context }) => `${name} must be built first (naru up does): naru build ${context} --name ${name}`,
  );
  return [...notes, ...built].map((note) => `note: ${note}\n`).join('');
}

/** Each object with the place that it comes from. */
const asYaml = ({ objects }: Application): string =>
  objects.map(({ object, from }) => `# ${from}\n${stringifyYaml(object)}`).join('---\n');

const asJson = ({ objects }: Application): string =>
  `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects.map(({ object }) => object) }, null, 2)}\n`;
