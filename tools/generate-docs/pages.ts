/** The pages of the reference: a file's name in docs/reference, and its text. */
import { apiPage } from './api-page.ts';
import { commandsPage } from './commands-page.ts';
import { settingsPage } from './settings-page.ts';

export function pages(): ReadonlyMap<string, string> {
  return new Map([
    ['commands.md', commandsPage()],
    ['api.md', apiPage()],
    ['settings.md', settingsPage()],
  ]);
}

/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export const code = (text: string): string => (text === '' ? '' : `\`${text}\``);
export const codes = (texts: readonly string[]): string => texts.map(code).join(', ');
