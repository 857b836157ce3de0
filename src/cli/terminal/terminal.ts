/**
 * What a command knows of the person before it: whether somebody sits at a terminal, how wide it is, and whether colours mean anything there.
 * Programs that read the output get plain text: no colours, no questions, no lines that are written over.
 */
import process from 'node:process';
import { styleText } from 'node:util';
import { UserError } from '../user-error.ts';

/** Standard output is a terminal: lines may be written over. */
export const isTerminal = (): boolean => process.stdout.isTTY;

/** Somebody can be asked. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stdout.isTTY;

/** A terminal that does not know its size says 0. */
export const terminalWidth = (): number => process.stdout.columns || 80;

type Style = Parameters<typeof styleText>[0];

/** The text in a colour where standard output shows colours (a terminal, no NO_COLOR), else as it is. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

export const good = (text: string): string => styled('green', text);
export const warning = (text: string): string => styled('yellow', text);
export const bad = (text: string): string => styled('red', text);
export const dim = (text: string): string => styled('dim', text);
export const strong = (text: string): string => styled('bold', text);

/**
 * Asks for a yes before something that cannot be taken back or that changes the machine. Without a terminal nobody is asked.
 * @param usual what no answer means: `no` where something would be lost
 * @throws UserError where the answer is no
 */
export async function confirm(question: string, refusal: string, usual: 'yes' | 'no' = 'yes'): Promise<void> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await lines.question(`${question} ${usual === 'yes' ? '[Y/n]' : '[y/N]'} `);
    if (!/^y(es)?$/.test(answer.trim().toLowerCase() || usual)) throw new UserError(refusal);
  } finally {
    lines.close();
  }
}

/** Whether standard output shows colours. */
export const showsColours = (): boolean => isTerminal() && process.stdout.hasColors();
