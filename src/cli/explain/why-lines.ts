/**
 * Explanations as lines for people: the cause first, then how it comes to that, what says so, and what to do. Pure but for colours. Messages and lines of
 * logs within are others' words: none of them reaches the terminal as it is.
 */
import { byCause, type Chain, chainsOf } from '../../explain/chains.ts';
import type { Explanation, Survey } from '../../explain/explain.ts';
import {
  argumentOf,
  type Finding,
  isProblem,
  type Remedy,
  rootOf,
  type Subject,
  shortName,
} from '../../explain/finding.ts';
import { counted, listed } from '../../explain/words.ts';
import { harmlessData } from '../../lib/harmless.ts';
import { bad, dim, good, strong, warning } from '../terminal/terminal.ts';

const chainsMax = 5;
const evidenceMax = 24;

export function explanationLines(explanation: Explanation): string[] {
  const { subject, health, findings } = harmlessData(explanation);
  const serious = findings.filter(({ severity }) => severity !== 'note');
  const notes = findings.filter(({ severity }) => severity === 'note');
  const chains = byCause(serious.flatMap(chainsOf));
  const name = strong(placeOf(subject));
  if (chains.length === 0) return [...wellLines(name, subject, health), ...notes.flatMap(noteLines)];
  const tint = serious.some(isProblem) ? bad : warning;
  const head = `${name}: ${tint(serious[0]?.what ?? health.message)}`;
  const shown = chains.slice(0, chainsMax);
  const more = chains.length - shown.length;
  return [
    head,
    ...shown.flatMap(({ chain, likewise }, index) =>
      chainLines(chain, likewise, shown.length > 1 ? `${index + 1}. ` : ''),
    ),
    ...(more > 0 ? ['', dim(`and ${counted(more, 'cause')} more: -o json shows all`)] : []),
    ...notes.flatMap(noteLines),
  ];
}

function wellLines(name: string, subject: Subject, { state, message }: Explanation['health']): string[] {
  if (state === 'healthy') return [`${name}: ${good(message)}`];
  const tint = state === 'failing' ? bad : warning;
  return [
    `${name}: ${tint(message)}`,
    `No cause is seen. Look again in a moment, or at what was told of it: naru describe ${argumentOf(subject)}`,
  ];
}

const noteLines = ({ what, why, fix }: Finding): string[] => [
  '',
  `Note: ${what}.`,
  ...why.map((line) => dim(`  ${line}`)),
  ...fixLines(fix),
];

function chainLines(chain: Chain, likewise: readonly Finding[], number: string): string[] {
  const cause = chain.at(-1) as Finding;
  const way = chain.length < 2 ? [] : ['', 'How it comes to that:', ...chain.map((one, depth) => stepLine(one, depth))];
  const others = [...new Set(likewise.map(sentence))].map((text) => `  likewise ${text}`);
  const evidence = chain
    .toReversed()
    .flatMap(({ why, subject }) =>
      why.map((line) => `  ${line.startsWith('  |') ? '' : `${shortName(subject)}: `}${line}`),
    );
  const fix = chain.toReversed().flatMap((one) => one.fix);
  return [
    '',
    `${number}${strong(chain.length < 2 && number === '' ? 'What is wrong' : 'The cause')}: ${cause.severity === 'problem' ? bad(sentence(cause)) : warning(sentence(cause))}`,
    ...way,
    ...others,
    ...(evidence.length === 0 ? [] : ['', 'What says so:', ...evidence.slice(0, evidenceMax).map(dim)]),
    ...(fix.length === 0 ? [] : ['', 'What to do:', ...fixLines(fix)]),
  ];
}

const sentence = ({ subject, what, others }: Finding): string => `${shortName(subject)}${othersText(others)}: ${what}`;

const othersText = (others: number): string => (others === 0 ? '' : ` and ${others} more`);

const stepLine = (one: Finding, depth: number): string =>
  `  ${depth === 0 ? '' : `${'  '.repeat(depth - 1)}└ `}${sentence(one)}`;

function fixLines(fix: readonly Remedy[]): string[] {
  const seen = new Set<string>();
  const once = fix.filter(({ say, run }) => !seen.has(`${say}${run}`) && seen.add(`${say}${run}`));
  return once.flatMap(({ say, run }) => [
    `  - ${say}${run === undefined ? '' : ':'}`,
    ...(run === undefined ? [] : [`      ${strong(run)}`]),
  ]);
}

/** One line an object and its cause, and where to read on. @param partly some things could not be looked at */
export function surveyLines({ explanations, count }: Survey, namespace: string | undefined, partly: boolean): string[] {
  const where = namespace === undefined ? 'in the cluster' : `in namespace ${namespace}`;
  if (explanations.length === 0 && partly) {
    return [`Nothing is wrong ${where} with the ${counted(count, 'object')} that could be looked at.`];
  }
  if (explanations.length === 0) {
    return [
      good(
        count === 0
          ? `There is nothing ${where}.`
          : `Nothing is wrong ${where}: ${counted(count, 'object')} looked at.`,
      ),
    ];
  }
  return [
    `${counted(explanations.length, 'object')} ${explanations.length === 1 ? 'is' : 'are'} in trouble ${where}:`,
    ...explanations.flatMap((one) => ['', ...briefLines(one)]),
  ];
}

export function briefLines(explanation: Explanation): string[] {
  const { subject, findings } = harmlessData(explanation);
  const [first] = findings;
  if (first === undefined) return [];
  const cause = rootOf(first);
  const tint = isProblem(first) ? bad : warning;
  const because = cause === first ? [] : [`  because ${sentence(cause)}`];
  const [fix] = cause.fix;
  return [
    `${strong(placeOf(subject))}: ${tint(first.what)}`,
    ...because,
    ...(fix === undefined ? [] : [`  ${fix.say}${fix.run === undefined ? '' : `: ${fix.run}`}`]),
    dim(`  naru why ${argumentOf(subject)}`),
  ];
}

export const placeOf = (subject: Subject): string =>
  `${shortName(subject)}${subject.namespace === undefined ? '' : ` in ${subject.namespace}`}`;

export const unseenLine = (unseen: readonly string[]): string[] =>
  unseen.length === 0
    ? []
    : ['', dim(`Not looked at, because you may not or nobody answers for it: ${listed(unseen)}.`)];
