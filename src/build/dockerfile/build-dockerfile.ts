/** A Dockerfile becomes an image by a program that is installed for it: naru follows none itself. */
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ImageRecipe } from '../../deploy/application.ts';
import { normalizeImageName } from '../../images/reference.ts';
import { limits } from '../../lib/limits.ts';
import type { BuildOptions, BuiltImage } from '../build.ts';
import { type Builder, findBuilder } from './builder.ts';

/** Lines of a failed build that are shown. */
const lastLinesMax = 12;

/** @throws Error with the program's last words, or that none is installed */
export async function buildDockerfile(
  recipe: ImageRecipe,
  name: string,
  archive: string,
  options: BuildOptions,
): Promise<BuiltImage> {
  const file = path.resolve(recipe.context, recipe.dockerfile ?? 'Dockerfile');
  if (!(await stat(file).catch(() => undefined))?.isFile()) throw new Error(`there is no ${file}`);
  const builder = await findBuilder();
  if (builder === undefined) {
    throw new Error(
      `${file} needs buildah, podman or docker, and none is there: apt-get install buildah (naru itself builds Node.js applications from their package.json)`,
    );
  }
  const steps = buildSteps(builder.name, recipe, file, normalizeImageName(name), archive);
  for (const args of steps) await run(builder, args, options);
  return { notes: [] };
}

/** Pure: the program's commands, one after another. */
export function buildSteps(
  builder: Builder['name'],
  recipe: ImageRecipe,
  file: string,
  name: string,
  archive: string,
): readonly (readonly string[])[] {
  const target = recipe.target === undefined ? [] : ['--target', recipe.target];
  const given = Object.entries(recipe.arguments ?? {}).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const common = ['--tag', name, '--file', file, ...target, ...given, recipe.context];
  switch (builder) {
    case 'buildah':
      return [
        ['build', '--layers', '--timestamp', '0', ...common],
        ['push', '--quiet', name, `docker-archive:${archive}:${name}`],
      ];
    case 'podman':
      return [
        ['build', '--layers', '--timestamp', '0', ...common],
        ['save', '--quiet', '--format', 'docker-archive', '--output', archive, name],
      ];
    case 'docker':
      return [
        ['build', ...common],
        ['save', '--output', archive, name],
      ];
  }
}

async function run({ name, program }: Builder, args: readonly string[], { say }: BuildOptions): Promise<void> {
  const lines: string[] = [];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limits.buildStepMsMax });
  let rest = '';
  const take = (chunk: string): void => {
    const parts = (rest + chunk).split('\n');
    rest = (parts.pop() ?? '').slice(-10_000);
    for (const line of parts) {
      if (/^(STEP|Step) \d/.test(line)) say(`  ${line}`);
      lines.push(line.slice(0, 1000));
      if (lines.length > lastLinesMax) lines.shift();
    }
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take);
  const ended = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  if (ended === 0) return;
  throw new Error(`${name} ${args[0]} ended with ${ended}: ${[...lines, rest].filter(Boolean).join('\n')}`);
}
