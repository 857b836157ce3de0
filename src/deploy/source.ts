/**
 * From what `naru up` was given to an application: a kustomization, a Compose file, a folder or file of manifests; with the images that
 * `naru.yaml` says how to make. A clone of a Git repository is a folder like any other.
 *
 * Of a folder that is several of these, the first counts: kustomization.yaml, then compose.yaml, then manifests.
 */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { readRecipes } from '../build/application-file.ts';
import { composeApplication, composeFileNames } from '../compose/compose.ts';
import { buildKustomization } from '../kustomize/build.ts';
import { fileNames as kustomizationNames } from '../kustomize/kustomization.ts';
import { findManifests, loadManifests, refuseUrl, unreadable } from '../manifests/load.ts';
import { ManifestError } from '../manifests/source-object.ts';
import type { Application } from './application.ts';

export interface SourceOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For Compose files. */
  readonly envFiles?: readonly string[];
  readonly profiles?: readonly string[];
  readonly standardInput?: () => Promise<Buffer>;
}

/** @param given as the user wrote it; `-` is standard input @throws ManifestError, one sentence */
export async function readApplication(given: string, options: SourceOptions): Promise<Application> {
  if (given === '-') {
    const standardInput = options.standardInput;
    const objects = await loadManifests(['-'], {
      cwd: options.cwd,
      ...(standardInput !== undefined && { standardInput }),
    });
    return { name: 'standard-input', objects, images: [], notes: [] };
  }
  refuseUrl(given);
  const absolute = path.resolve(options.cwd, given);
  const application = isFolder(absolute, given)
    ? await ofFolder(absolute, given, options)
    : await ofFile(absolute, given, options);
  refuseNothing(application, given);
  return application;
}

const composeFile = /^(?:docker-)?compose(?:[.-].*)?\.ya?ml$/;

async function ofFile(file: string, given: string, options: SourceOptions): Promise<Application> {
  const name = path.basename(file);
  const folder = path.dirname(file);
  if (kustomizationNames.includes(name)) return ofFolder(folder, path.dirname(given), options);
  if (composeFile.test(name) || (await isCompose(file, given))) return compose([file], folder, options);
  const objects = await loadManifests([given], { cwd: options.cwd });
  return {
    name: nameOf(path.basename(name, path.extname(name)), folder),
    objects,
    images: await readRecipes(folder),
    notes: [],
  };
}

/** `db-deployment.yaml` says what it is; `all.yaml` only its folder does. */
const nameOf = (stem: string, folder: string): string =>
  /^(?:all|app|manifests?|install|deploy|kubernetes|k8s|index)$/i.test(stem) ? path.basename(folder) : stem;

async function ofFolder(folder: string, given: string, options: SourceOptions): Promise<Application> {
  const has = (name: string): boolean => existsSync(path.join(folder, name));
  const name = path.basename(folder);
  if (kustomizationNames.some(has)) {
    const { objects, notes } = await buildKustomization(folder, given);
    return { name, objects, images: await readRecipes(folder), notes };
  }
  if (composeFileNames.some(has)) return compose([], folder, options);
  if (has('Chart.yaml')) {
    throw new ManifestError(
      `${given} is a Helm chart, and charts are not rendered here; render it (helm template ${given} > app.yaml) and give the result`,
    );
  }
  const { objects, skipped } = await findManifests(folder, given);
  return { name, objects, images: await readRecipes(folder), notes: notesOf(skipped) };
}

async function compose(files: readonly string[], directory: string, options: SourceOptions): Promise<Application> {
  return composeApplication({
    files,
    directory,
    environment: options.environment,
    ...(options.envFiles !== undefined && {
      envFiles: options.envFiles.map((file) => path.resolve(options.cwd, file)),
    }),
    ...(options.profiles !== undefined && { profiles: options.profiles }),
  });
}

/** A Compose file by another name: it has services, and is nothing of Kubernetes. */
async function isCompose(file: string, given: string): Promise<boolean> {
  if (!/\.ya?ml$/.test(file)) return false;
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadable(given, error);
  });
  return /^services:\s*(?:#.*)?$/m.test(text) && !/^apiVersion:/m.test(text);
}

function isFolder(absolute: string, given: string): boolean {
  try {
    return statSync(absolute).isDirectory();
  } catch (error) {
    throw unreadable(given, error);
  }
}

function refuseNothing({ objects }: Application, given: string): void {
  if (objects.length > 0) return;
  throw new ManifestError(
    `${given} holds nothing for a cluster: neither manifests (YAML with apiVersion and kind), nor a kustomization.yaml, nor a compose.yaml`,
  );
}

const shownSkippedMax = 5;

function notesOf(skipped: readonly string[]): string[] {
  if (skipped.length === 0) return [];
  const shown = skipped.slice(0, shownSkippedMax).join(', ');
  const more = skipped.length > shownSkippedMax ? ` and ${skipped.length - shownSkippedMax} more` : '';
  return [`left out, since they are no manifests: ${shown}${more}`];
}
