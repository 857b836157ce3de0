/** The option that names the scheduler's configuration: what it makes of a home's settings. An empty one turns an earlier one off. */
import path from 'node:path';
import type { Command } from 'commander';
import { UserError } from './user-error.ts';

export interface SchedulerCommandOptions {
  readonly schedulerConfig?: string;
}

export function withSchedulerConfig(command: Command): Command {
  const what = 'a KubeSchedulerConfiguration: profiles, plugins and their weights';
  return command.option('--scheduler-config <file>', `${what}; '' to turn it off`);
}

/** The file's absolute path. @throws UserError where the file that the command names cannot be used */
export async function schedulerConfig(
  before: string | undefined,
  { schedulerConfig: given }: SchedulerCommandOptions,
  folder: string,
): Promise<string | undefined> {
  if (given === undefined) return before;
  if (given === '') return undefined;
  const file = path.resolve(folder, given);
  // Other commands do not wait for it.
  const { readSchedulerConfiguration } = await import('../scheduler/config/configuration.ts');
  try {
    readSchedulerConfiguration(file);
  } catch (error) {
    throw new UserError((error as Error).message);
  }
  return file;
}
