/**
 * Whom a rule names: pods by selectors, addresses by blocks, or everybody. Peers can be joined: many rules for the same port become one question.
 * Pure.
 */
import { createHash } from 'node:crypto';
import type { NetworkPolicyPeer } from '../../api/schema/types/networking-v1.ts';
import { type LabelMatcher, labelMatcher } from '../../api/selector.ts';
import { type IpRange, rangesOfBlock } from './ip-ranges.ts';

/** The pods that `pods` matches in one namespace, or in those that `namespaces` matches. Equal keys mean equal selectors. */
export interface PodSelector {
  readonly key: string;
  readonly namespace?: string;
  readonly namespaces?: LabelMatcher;
  readonly pods: LabelMatcher;
}

export interface Peers {
  readonly isEverybody: boolean;
  readonly selectors: ReadonlyMap<string, PodSelector>;
  readonly ranges: readonly IpRange[];
}

export const everybody: Peers = { isEverybody: true, selectors: new Map(), ranges: [] };

/** The peers of a rule; none at all means everybody. What is wrong is told, and left out. */
export function peersOf(
  peers: readonly NetworkPolicyPeer[] | undefined,
  namespace: string,
  tell: (problem: string) => void,
): Peers {
  if (peers === undefined || peers.length === 0) return everybody;
  const selectors = new Map<string, PodSelector>();
  const ranges: IpRange[] = [];
  for (const peer of peers) {
    try {
      if (peer.ipBlock !== undefined) {
        for (const range of rangesOfBlock(peer.ipBlock)) ranges.push(range);
      } else {
        const selector = selectorOf(peer, namespace);
        selectors.set(selector.key, selector);
      }
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
    }
  }
  return { isEverybody: false, selectors, ranges };
}

/** Pods without further words are all pods, and without a word on namespaces those of the policy's own. @throws StatusError */
function selectorOf({ podSelector, namespaceSelector }: NetworkPolicyPeer, namespace: string): PodSelector {
  const pods = labelMatcher(podSelector ?? {});
  if (namespaceSelector === undefined) return { key: `${namespace}|${pods.toString()}`, namespace, pods };
  const namespaces = labelMatcher(namespaceSelector);
  return { key: `(${namespaces.toString()})|${pods.toString()}`, namespaces, pods };
}

export function join(all: readonly Peers[]): Peers {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  if (all.some(({ isEverybody }) => isEverybody)) return everybody;
  return {
    isEverybody: false,
    selectors: new Map(all.flatMap(({ selectors }) => [...selectors])),
    ranges: all.flatMap(({ ranges }) => ranges),
  };
}

/** A name for the pods that any of the selectors matches: the same for the same selectors, whichever policy has them. */
export const setIdOf = (selectors: Peers['selectors']): string => shortHash([...selectors.keys()].sort().join('\n'));

export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
