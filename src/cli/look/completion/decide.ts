/**
 * What could stand where the cursor is: from the tree of commands and the words so far. Pure: what the cluster has to be asked for is named, not
 * asked. What an argument or an option takes is seen by its name in the help (`<pod>`, `<node>`, `<file>`).
 */
import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  readonly word: string;
  readonly description: string;
}

export type Wanted =
  | { readonly kind: 'words'; readonly candidates: readonly Candidate[] }
  /** Types, or `TYPE/NAME` where a type stands before a slash. */
  | { readonly kind: 'objects' }
  /** Names of objects of this type. */
  | { readonly kind: 'names'; readonly type: string }
  | { readonly kind: 'files' }
  | { readonly kind: 'nothing' };

export interface Decision {
  readonly wanted: Wanted;
  /** The word that is being written; candidates begin with it. */
  readonly current: string;
  /** What the words say of the cluster. */
  readonly connection: { readonly kubeconfig?: string; readonly context?: string; readonly namespace?: string };
  /** Names that stand there already. */
  readonly used: readonly string[];
}

const nothing: Wanted = { kind: 'nothing' };

/** By the name of an argument. */
const byArgument: Readonly<Record<string, Wanted>> = {
  object: { kind: 'objects' },
  word: { kind: 'objects' },
  pod: { kind: 'names', type: 'pods' },
  node: { kind: 'names', type: 'nodes' },
  shell: { kind: 'words', candidates: ['bash', 'zsh', 'fish'].map((word) => ({ word, description: '' })) },
  file: { kind: 'files' },
  folder: { kind: 'files' },
  path: { kind: 'files' },
  source: { kind: 'files' },
};

const connectionOptions = ['kubeconfig', 'context', 'namespace'] as const;

/** `words` are those after `naru`, with the one at the cursor as the last. */
export function decideCompletion(program: Command, words: readonly string[]): Decision {
  const current = words.at(-1) ?? '';
  let command = program;
  let pending: Option | undefined;
  const operands: string[] = [];
  const connection: Record<string, string> = {};
  let onlyOperands = false;
  for (const word of words.slice(0, -1)) {
    if (pending !== undefined) {
      note(connection, pending, word);
      pending = undefined;
    } else if (word === '--') onlyOperands = true;
    else if (!onlyOperands && word.startsWith('-')) {
      const equals = word.indexOf('=');
      const option = optionOf(command, equals < 0 ? word : word.slice(0, equals));
      if (option === undefined || option.isBoolean()) continue;
      if (equals < 0) pending = option;
      else note(connection, option, word.slice(equals + 1));
    } else {
      const next = operands.length === 0 ? commandOf(command, word) : undefined;
      if (next === undefined) operands.push(word);
      else command = next;
    }
  }
  const wanted = wantedAt(command, { current, pending, operands, onlyOperands });
  return { wanted, current, connection, used: operands };
}

function note(connection: Record<string, string>, option: Option, value: string): void {
  const name = connectionOptions.find((each) => option.long === `--${each}`);
  if (name !== undefined) connection[name] = value;
}

interface Place {
  readonly current: string;
  readonly pending: Option | undefined;
  readonly operands: readonly string[];
  readonly onlyOperands: boolean;
}

function wantedAt(command: Command, { current, pending, operands, onlyOperands }: Place): Wanted {
  if (pending !== undefined) return valueOf(pending);
  if (current.startsWith('-') && !onlyOperands) return { kind: 'words', candidates: optionsOf(command) };
  if (command.commands.length > 0 && operands.length === 0) return { kind: 'words', candidates: commandsOf(command) };
  const argument = argumentAt(command.registeredArguments, operands.length);
  if (argument === undefined) return nothing;
  const wanted = byArgument[argument.name()] ?? nothing;
  const [type] = operands;
  // `get pods `: what follows a type are names of it.
  if (wanted.kind === 'objects' && type !== undefined && !type.includes('/')) return { kind: 'names', type };
  // `logs deploy/…`
  if (wanted.kind === 'names' && current.includes('/')) return { kind: 'objects' };
  return wanted;
}

const argumentAt = (list: readonly Argument[], index: number): Argument | undefined =>
  list[index] ?? (list.at(-1)?.variadic === true ? list.at(-1) : undefined);

function valueOf(option: Option): Wanted {
  if (option.argChoices !== undefined) return wordsOf(option.argChoices);
  if (option.long === '--namespace') return { kind: 'names', type: 'namespaces' };
  // Its help names the formats: `wide, json, yaml, name, jsonpath=…`.
  if (option.long === '--output' && option.flags.includes('format')) {
    return wordsOf(
      [...option.description.matchAll(/\b([a-z]+(?:-[a-z]+)*)\b(=?)/g)].map(
        ([, word = '', equals = '']) => word + equals,
      ),
    );
  }
  return byArgument[/<([a-z]+)/.exec(option.flags)?.[1] ?? ''] ?? nothing;
}

const wordsOf = (words: readonly string[]): Wanted => ({
  kind: 'words',
  candidates: words.map((word) => ({ word, description: '' })),
});

function optionOf(command: Command, name: string): Option | undefined {
  return command
    .createHelp()
    .visibleOptions(command)
    .find((option) => option.short === name || option.long === name);
}

const optionsOf = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({ word: option.long ?? option.short ?? '', description: option.description }));

function commandOf(command: Command, name: string): Command | undefined {
  return command.commands.find((each) => each.name() === name || each.aliases().includes(name));
}

const commandsOf = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ word: each.name(), description: each.description() }));
