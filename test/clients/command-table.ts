/**
 * kubectl's commands as a table: a row is a command line and what it says. Rows are run in their order and build on each other; what a
 * command did is looked up by the rows behind it.
 *
 * In a command line blanks divide, `~` stands for a blank inside an argument, and `@/` begins a path in `fixtures/`.
 * Where a command opens an editor, the editor leaves all as it is.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { CommandOptions, KubectlOptions, TestCluster } from '../harness.ts';

/** The command, and what it says; with `fails` it must not succeed. */
export type Row = readonly [command: string, expected: RegExp, fails?: 'fails'];

const fixtures = path.join(import.meta.dirname, 'fixtures');

export const fixture = (name: string): string => path.join(fixtures, name);

export function argumentsOf(command: string): string[] {
  return command.split(' ').map((word) => word.replaceAll('~', ' ').replace(/(?<=^|=)@\//, `${fixtures}/`));
}

/** @throws AssertionError that names the command and quotes what it said */
export async function checkRow(cluster: TestCluster, row: Row, options: KubectlOptions = {}): Promise<void> {
  const [command, expected, fails] = row;
  const { code, stdout, stderr } = await cluster.kubectl(argumentsOf(command), { ...editedBy('true'), ...options });
  const said = stdout + stderr;
  assert.equal(code !== 0, fails === 'fails', `kubectl ${command} exited with ${code}: ${said}`);
  assert.match(said, expected, `kubectl ${command}`);
}

/** All rows are run, so that one run shows everything. @throws AggregateError */
export async function checkRows(
  cluster: TestCluster,
  rows: readonly Row[],
  options: KubectlOptions = {},
): Promise<void> {
  const failures: Error[] = [];
  for (const row of rows) await checkRow(cluster, row, options).catch((error: Error) => failures.push(error));
  if (failures.length === 0) return;
  const words = failures.map(({ message }) => message).join('\n\n');
  throw new AggregateError(failures, `${failures.length} of ${rows.length} commands:\n${words}`);
}

/** What an editor that runs `script` leaves of an object. */
export const editedBy = (script: string): Pick<CommandOptions, 'env'> => ({ env: { KUBE_EDITOR: script } });
