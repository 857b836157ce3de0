/** Query strings: every parameter that the API knows, with good and bad values, and such as it does not know. */
import type { Chance } from './chance.ts';
import { nastyText, prototypeKeys } from './nasty.ts';

const numbers = [
  '0',
  '1',
  '-1',
  '2',
  '500',
  '1.5',
  'x',
  '',
  '9223372036854775807',
  '9223372036854775808',
  '9'.repeat(4_000),
  '+5',
  '0x1',
  ' 1',
  '1e3',
];
const booleans = ['true', 'false', '1', '0', '', 'yes', 'TRUE', 'x'];

export const labelSelectors: readonly string[] = [
  'app=web',
  'app',
  '!app',
  'app!=web',
  'app in (web,db)',
  'app notin (web)',
  'app in ()',
  'app in (',
  'a>1',
  'a<99999999999999999999999999',
  'a>x',
  ',',
  ',,,,',
  '=',
  '==',
  'a=b=c',
  'a in (((b)))',
  '!!a',
  'a=',
  '(a)',
  '^(a+)+$',
  'x'.repeat(10_000),
  `a in (${'b,'.repeat(20_000)}c)`,
  Array.from({ length: 3_000 }, (_, i) => `a${i}!=b`).join(','),
  `${'!'.repeat(5_000)}a`,
  `a=${'b'.repeat(64)}`,
  '__proto__=a',
  'constructor',
  'a\u0000=b',
  '\ud83d=\ude00',
];

export const fieldSelectors: readonly string[] = [
  'metadata.name=a',
  'metadata.name!=a',
  'metadata.namespace=default',
  'spec.nodeName=node-a',
  'spec.nodeName=',
  'status.phase==Running,status.phase!=Failed',
  'involvedObject.name=a',
  'reason=x,type!=Normal',
  'metadata.name=a,metadata.name=b',
  'metadata.__proto__=a',
  '__proto__=a',
  'constructor.name=Object',
  'a',
  '=',
  '!=',
  'a=b\\',
  'a=\\,\\=\\\\',
  'a=b,',
  'metadata.name in (a)',
  'spec.replicas=1',
  'spec.replicas=x',
  'spec.color=red',
  'spec.color!=red,metadata.name=a',
  `metadata.name=${'a'.repeat(20_000)}`,
  Array.from({ length: 2_000 }, (_, i) => `metadata.name!=b${i}`).join(','),
];

const continuations = [
  '',
  'x',
  'e30=',
  Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"a"}').toString('base64url'),
  Buffer.from('{"v":"meta.k8s.io/v1","rv":-1,"start":"default/a\\u0000"}').toString('base64url'),
  Buffer.from('{"v":"meta.k8s.io/v1","rv":99999999999,"start":"../../a"}').toString('base64url'),
  Buffer.from('{"v":"meta.k8s.io/v1","rv":1.5,"start":{}}').toString('base64url'),
  Buffer.from('{"v":"meta.k8s.io/v9","rv":"1","start":null}').toString('base64url'),
  Buffer.from('null').toString('base64url'),
  Buffer.from('[]').toString('base64url'),
  Buffer.from('"x"').toString('base64'),
  Buffer.from('{"__proto__":{"v":"meta.k8s.io/v1"}}').toString('base64url'),
  '='.repeat(50),
  'A'.repeat(20_000),
];

const versions = [
  '',
  '',
  '0',
  '0',
  '1',
  '5',
  '-1',
  'x',
  '1.5',
  '9223372036854775808',
  '18446744073709551616',
  '1.5',
  '01',
  '9'.repeat(5_000),
];

type Values = (chance: Chance) => string;
const of =
  (choices: readonly string[]): Values =>
  (chance) =>
    chance.percent(10) ? nastyText(chance) : chance.pick(choices);

const parameters: readonly (readonly [name: string, values: Values])[] = [
  ['resourceVersion', of(versions)],
  ['resourceVersionMatch', of(['Exact', 'NotOlderThan', '', 'exact', 'Newest'])],
  ['limit', of(numbers)],
  ['continue', of(continuations)],
  ['timeoutSeconds', of(numbers)],
  ['timeout', of(['1s', '0', '-1s', '1h1h', '10000h', 'x', '1', '', '0.0000001ns', '9'.repeat(300), '30s'])],
  ['sendInitialEvents', of(booleans)],
  ['allowWatchBookmarks', of(booleans)],
  ['watch', of(booleans)],
  ['labelSelector', of(labelSelectors)],
  ['fieldSelector', of(fieldSelectors)],
  ['fieldValidation', of(['Strict', 'Warn', 'Ignore', '', 'strict', 'x'])],
  ['dryRun', of(['All', '', 'all', 'None', 'All,All'])],
  ['fieldManager', of(['fuzz', '', 'x'.repeat(129), 'a b', '\u0000', '\n', 'é', 'x'.repeat(10_000)])],
  ['force', of(booleans)],
  ['gracePeriodSeconds', of(numbers)],
  ['propagationPolicy', of(['Foreground', 'Background', 'Orphan', '', 'foreground', 'x'])],
  ['orphanDependents', of(booleans)],
  ['ignoreStoreReadErrorWithClusterBreakingPotential', of(booleans)],
  ['pretty', of(booleans)],
  ['includeObject', of(['None', 'Metadata', 'Object', '', 'x'])],
  ['exact', of(booleans)],
  ['export', of(booleans)],
  ['container', of(['main', 'x', ''])],
  ['command', of(['sh', '', '-c'])],
  ['stdin', of(booleans)],
  ['stdout', of(booleans)],
  ['tty', of(booleans)],
  ['follow', of(['false', '0', 'x', ''])],
  ['previous', of(booleans)],
  ['sinceSeconds', of(numbers)],
  ['sinceTime', of(['2024-01-01T00:00:00Z', 'x', ''])],
  ['tailLines', of(numbers)],
  ['limitBytes', of(numbers)],
  ['timestamps', of(booleans)],
  ['stream', of(['Stdout', 'Stderr', 'All', 'x'])],
  ['ports', of(['80', '0', '65536', 'x', '80,81'])],
  ['path', of(['/', '../..', 'x'])],
  ['verbose', of(booleans)],
  ['exclude', of(['etcd', 'x'])],
  ...prototypeKeys.map((key) => [key, of(['1', 'x'])] as const),
];

/** Percent-encoded, more often than not. */
function encode(chance: Chance, text: string): string {
  if (chance.percent(3)) return text.replace(/[^\x21-\x7e]|[#?]/g, '%');
  if (chance.percent(2)) return `${encodeURIComponent(text.toWellFormed())}%`;
  if (chance.percent(2)) return `${encodeURIComponent(text.toWellFormed())}%zz%c3%28`;
  return encodeURIComponent(text.toWellFormed());
}

/** With its question mark; empty where there is none. `likely`: parameters that mean something to the request. */
export function query(chance: Chance, likely: readonly string[] = []): string {
  const count = chance.weighted([
    [20, 0],
    [40, 1],
    [25, 2],
    [10, 4],
    [1, 60],
  ]);
  if (count === 0) return '';
  const pairs = Array.from({ length: count }, () => {
    const known = likely.length > 0 && chance.percent(75) ? chance.pick(likely) : undefined;
    const [name, values] = parameters.find((each) => each[0] === known) ?? chance.pick(parameters);
    const equals = chance.percent(98) ? '=' : chance.pick(['', '==', '[]=']);
    return `${encode(chance, name)}${equals}${encode(chance, values(chance))}`;
  });
  return `?${pairs.join(chance.percent(97) ? '&' : chance.pick([';', '&&', '?']))}`;
}

export const listParameters = [
  'labelSelector',
  'fieldSelector',
  'limit',
  'continue',
  'resourceVersion',
  'resourceVersionMatch',
  'timeoutSeconds',
  'pretty',
] as const;
export const watchParameters = [
  ...listParameters,
  'sendInitialEvents',
  'allowWatchBookmarks',
  'timeoutSeconds',
] as const;
export const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force', 'pretty', 'timeout'] as const;
export const deleteParameters = [
  'gracePeriodSeconds',
  'propagationPolicy',
  'orphanDependents',
  'dryRun',
  'labelSelector',
  'fieldSelector',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
] as const;
export const connectParameters = [
  'container',
  'command',
  'stdin',
  'stdout',
  'tty',
  'follow',
  'previous',
  'sinceSeconds',
  'sinceTime',
  'tailLines',
  'limitBytes',
  'stream',
  'ports',
  'path',
] as const;
