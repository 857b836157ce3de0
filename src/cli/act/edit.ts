/**
 * `naru edit`: an object as YAML in the editor; what was changed there, and nothing else, is written. What the server refuses is shown in the
 * editor again, with the reason above it. Kept true: no work is lost: a copy stays where the edit could not be written.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';
import { StatusError } from '../../api/status-error.ts';
import { parseYaml, stringifyYaml } from '../../api/yaml.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { findTargets, type Target, targetName } from '../cluster/targets.ts';
import { UserError } from '../user-error.ts';

export async function edit(home: Home, words: readonly string[], options: ConnectionOptions): Promise<void> {
  await withApi(home, options, async (connection) => {
    const targets = await findTargets(connection, new ResourceFinder(connection.client), words, {});
    for (const target of targets) await editOne(connection, target);
  });
}

/** The edit could not be written, and its file stays. */
class EditKept extends UserError {
  constructor(target: Target, why: string, file: string) {
    super(`${targetName(target)} was not changed: ${why}; your edit is kept in ${file}`);
  }
}

async function editOne(connection: Connection, target: Target): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'naru-edit-'));
  try {
    const isChanged = await editIn(path.join(folder, `${target.name}.yaml`), connection, target);
    process.stdout.write(`${targetName(target)}${isChanged ? ' edited' : ': nothing was changed'}\n`);
  } catch (error) {
    if (error instanceof EditKept) throw error;
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  await rm(folder, { recursive: true, force: true });
}

/** False where there is nothing to write. @throws EditKept */
async function editIn(file: string, { client }: Connection, target: Target): Promise<boolean> {
  const before = shown(await client.get<KubeObject>(target.resource, target));
  let text = stringifyYaml(before);
  let problem = '';
  for (;;) {
    const offered = `${comment(target, problem)}${text}`;
    await writeFile(file, offered, { mode: 0o600 });
    await openEditor(file);
    const edited = await readFile(file, 'utf8');
    if (edited === offered || withoutComment(edited) === '') {
      if (problem === '') return false;
      throw new EditKept(target, problem, file);
    }
    text = withoutComment(edited);
    try {
      const patch = mergePatch(before, parseYaml(text).value);
      if (patch === undefined) return false;
      await client.patch(target.resource, target, { type: 'merge', body: patch as object });
      return true;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      // Nobody answers: there is nothing that could be mended in the editor.
      if (error instanceof StatusError && error.code >= 500) throw new EditKept(target, problem, file);
    }
  }
}

/** Who wrote which field is for nobody to edit. */
function shown(object: KubeObject): JsonObject {
  const { managedFields: _fields, ...metadata } = object.metadata ?? {};
  return JSON.parse(JSON.stringify({ ...object, metadata })) as JsonObject;
}

function comment(target: Target, problem: string): string {
  const lines = [`${targetName(target)}: save to change it, leave it as it is to keep it.`];
  if (problem !== '') lines.push('', 'It was not taken:', ...problem.split('\n').map((line) => `  ${line}`));
  return lines
    .map((line) => `# ${line}`.trimEnd())
    .join('\n')
    .concat('\n');
}

const withoutComment = (text: string): string => text.replace(/^(?:#.*\n|\s*\n)*/, '');

/** RFC 7386: what turns `before` into `after`; undefined where they are equal. */
export function mergePatch(before: JsonValue, after: JsonValue): JsonValue | undefined {
  if (!isObject(before) || !isObject(after)) {
    return JSON.stringify(before) === JSON.stringify(after) ? undefined : after;
  }
  const patch: JsonObject = {};
  for (const name of Object.keys(before)) if (!(name in after)) patch[name] = null;
  for (const [name, value] of Object.entries(after)) {
    const old = before[name];
    const change = old === undefined ? value : mergePatch(old, value);
    if (change !== undefined) patch[name] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The editor may be a command with arguments, as `code --wait` is. @throws UserError */
function openEditor(file: string): Promise<void> {
  const { KUBE_EDITOR, VISUAL, EDITOR } = process.env;
  const editor = KUBE_EDITOR || VISUAL || EDITOR || 'vi';
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new UserError(`the editor (${editor}) ended with ${code}: nothing was changed; another one: EDITOR=nano`),
        );
    });
  });
}
