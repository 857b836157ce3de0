/** A container whose program could not be started at all: what the runtime says of its command. A new message is a row. Pure. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { type Finding, finding, remedy } from '../finding.ts';
import { containerText, type SeenContainer } from './containers.ts';

interface Row {
  readonly pattern: RegExp;
  readonly code: string;
  readonly what: (command: string) => string;
  readonly say: string;
}

const rows: readonly Row[] = [
  {
    pattern: /executable file not found|no such file or directory/i,
    code: 'CommandNotFound',
    what: (command) => `the program ${command} is not in the image`,
    say: 'Correct command and args in the template (command takes the place of the image’s entrypoint), or use an image that has the program; a script’s first line must name an interpreter of the image, too',
  },
  {
    pattern: /exec format error/i,
    code: 'ProgramForOtherMachine',
    what: (command) => `the program ${command} is made for another processor, or is a script without a first line #!…`,
    say: 'Use an image for this architecture',
  },
  {
    pattern: /permission denied|operation not permitted/i,
    code: 'CommandNotAllowed',
    what: (command) => `the program ${command} may not be run by the container's user`,
    say: 'Make the file executable in the image (chmod +x), or look at securityContext: runAsUser, readOnlyRootFilesystem, capabilities',
  },
  {
    pattern: /run as non-root|runAsNonRoot/i,
    code: 'ImageWantsRoot',
    what: () => 'its image runs as root, and runAsNonRoot forbids that',
    say: 'Set runAsUser to a number other than 0, or use an image with a user of its own',
  },
  {
    pattern: /not a directory|mount/i,
    code: 'MountFailed',
    what: () => 'something cannot be mounted into it',
    say: 'Look at mountPath and subPath: a file cannot be mounted over a folder, nor a folder over a file',
  },
];

export function commandFinding(pod: Pod, seen: SeenContainer, message: string, why: readonly string[]): Finding {
  const { command = [], args = [] } = seen.container;
  const quoted = /exec: "([^"]+)"/.exec(message)?.[1] ?? command[0] ?? args[0];
  const row = rows.find(({ pattern }) => pattern.test(message));
  const what =
    row?.what(quoted === undefined ? 'that it names' : `"${quoted}"`) ??
    `it cannot be started: ${message.slice(0, 300)}`;
  return finding(pod, row?.code ?? 'ContainerNotStarted', `${containerText(seen)} does not start: ${what}`, {
    why: [...why, command.length > 0 ? `command: ${command.join(' ').slice(0, 200)}` : undefined],
    fix: [remedy(row?.say ?? "Correct the container in the workload's template; the node tries again by itself")],
  });
}
