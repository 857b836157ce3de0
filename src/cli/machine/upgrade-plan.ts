/** What `naru upgrade` will do: which version goes where, in which order, and why not. Pure. */
import { programProblemAnnotation, runningProgramAnnotation, wantedProgramAnnotation } from '../../api/node-labels.ts';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { nodeHealth } from '../nodes.ts';
import { type ServedVersion, versionProblem } from './join-checks.ts';

/** `v1.36.0+naru-0.1.0` in its parts; undefined where it is no naru. */
export interface ProgramVersion extends ServedVersion {
  readonly naru: string;
}

export function parseGitVersion(text: string): ProgramVersion | undefined {
  const [, major, minor, naru] = /^v(\d+)\.(\d+)\.\d+\+naru-(\S+)$/.exec(text) ?? [];
  return major === undefined || minor === undefined || naru === undefined ? undefined : { major, minor, naru };
}

/** Why a server may not become this version; undefined: it may. Upstream goes from one minor version to the next. */
export function serverProblem(from: ServedVersion, to: ServedVersion): string | undefined {
  const steps = Number(to.minor) - Number(from.minor);
  const versions = `Kubernetes ${from.major}.${from.minor} to ${to.major}.${to.minor}`;
  if (to.major === from.major && steps >= 0 && steps <= 1) return undefined;
  if (steps < 0) return `this program is older than the cluster (${versions}), and cannot read what it has stored`;
  return `${versions} is more than one minor version at once; upgrade to the versions between first`;
}

export interface NodePlan {
  readonly name: string;
  readonly step: 'upgrade' | 'skip';
  /** Of a skip: why. */
  readonly why: string;
}

/** @param own the node in the server's process, which has its program; @param program the SHA-256 of the new one, where it is known */
export function planNodes(
  nodes: readonly Node[],
  own: string | undefined,
  program: string | undefined,
  simulated: boolean,
): readonly NodePlan[] {
  return nodes.map((node) => {
    const name = node.metadata?.name ?? '';
    const skip = (why: string): NodePlan => ({ name, step: 'skip', why });
    if (simulated) return skip('simulated by the server');
    if (name === own) return skip('part of the server');
    const { annotations = {} } = node.metadata ?? {};
    const running = annotations[runningProgramAnnotation];
    if (running === program) return skip('has this version already');
    if (running === undefined) return skip('its agent cannot be upgraded from here; upgrade naru on that machine');
    if (!nodeHealth(node).ready) return skip('not Ready; run naru upgrade again when it is back');
    return { name, step: 'upgrade', why: '' };
  });
}

/** Nodes that would be too old, or too new, under a server of this version, with why. */
export function skewProblems(nodes: readonly Node[], server: ServedVersion): readonly string[] {
  return nodes.flatMap(({ metadata, status }) => {
    const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(status?.nodeInfo?.kubeletVersion ?? '') ?? [];
    if (major === undefined || minor === undefined) return [];
    const problem = versionProblem(server, { major, minor });
    return problem === undefined ? [] : [`node ${metadata?.name} (${major}.${minor})`];
  });
}

export type NodeProgress =
  | { readonly kind: 'done' }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'failed'; readonly why: string };

/** How far a node is that was asked to run `program`. */
export function progressOf(node: Node, program: string): NodeProgress {
  const { annotations = {} } = node.metadata ?? {};
  const problem = annotations[programProblemAnnotation] ?? '';
  if (problem.startsWith(`${program}: `)) return { kind: 'failed', why: problem.slice(program.length + 2) };
  const isAsked = annotations[wantedProgramAnnotation] === program;
  const runs = isAsked && annotations[runningProgramAnnotation] === program && nodeHealth(node).ready;
  return { kind: runs ? 'done' : 'waiting' };
}
