/** What the command line says of simulated nodes: how many, and the file that says how they are. What reads it is loaded only where there is one. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { SimulatedNodes } from '../simulation/node-template.ts';
import { UserError } from './user-error.ts';

export interface SimulatedOptions {
  readonly simulatedNodes?: number;
  readonly simulatedNodeTemplate?: string | undefined;
}

export interface SimulatedSettings {
  readonly simulatedNodes: number;
  readonly simulatedNodeTemplate?: string | undefined;
}

/**
 * Puts the options over what was there. A file is read here already, so that nothing is kept which could not work; one that was named earlier
 * holds until another, or none, is named.
 * @throws UserError, one sentence
 */
export async function simulatedSettings(
  before: SimulatedSettings,
  { simulatedNodes, simulatedNodeTemplate }: SimulatedOptions,
  folder: string,
): Promise<SimulatedSettings> {
  const named = simulatedNodeTemplate && path.resolve(folder, simulatedNodeTemplate);
  const file = named ?? before.simulatedNodeTemplate;
  if (!file) return { simulatedNodes: simulatedNodes ?? before.simulatedNodes, simulatedNodeTemplate: undefined };
  const template = (await templateOf(file)) as SimulatedNodes;
  const { countNodes } = await import('../simulation/node-template.ts');
  // What an earlier command counted is a wish only where this file leaves the count to it.
  const isOpen = template.templates.some(({ count }) => count === undefined);
  const earlier = named === undefined && isOpen ? before.simulatedNodes : undefined;
  const count = about(file, () => countNodes(template, simulatedNodes ?? earlier));
  return { simulatedNodes: count, simulatedNodeTemplate: file };
}

/** @throws UserError, one sentence */
export async function templateOf(file: string | undefined): Promise<SimulatedNodes | undefined> {
  if (file === undefined) return undefined;
  const { readNodeTemplates } = await import('../simulation/node-template.ts');
  return about(file, () => readNodeTemplates(textOf(file)));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`it cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
}

function about<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const what = (error as Error).message;
    throw new UserError(`--simulated-node-template names ${file}, which cannot be used: ${what}`);
  }
}
