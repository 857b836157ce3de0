/** Numbers, lists and codes as people say them. Pure. */
import { nearest } from '../lib/near-words.ts';

/** Milliseconds since the epoch; undefined for what is no time. */
export function timeOf(time: string | undefined | null): number | undefined {
  if (!time) return undefined;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}

/** `a, b and c`; of many the first few, and how many more. */
export function listed(items: readonly string[], most = 8): string {
  const shown = items.length > most ? [...items.slice(0, most - 1), `${items.length - most + 1} more`] : items;
  if (shown.length < 2) return shown[0] ?? '';
  return `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** `3 min`, `2 h 5 min`, `9 days`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/** How long ago; undefined for what is no time. */
export function sinceText(time: string | undefined, nowMs: number): string | undefined {
  const ms = timeOf(time);
  return ms === undefined ? undefined : durationText(nowMs - ms);
}

const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'] as const;

/** `512Mi`, `1.5Gi`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Math.round(value * 10) / 10}${units[unit]}`;
}

/** Of a resource in the units of `node-requests.ts`: cpu in thousandths, else whole ones. */
export function amountText(resource: string, amount: number): string {
  if (resource === 'cpu') return `${Math.round(amount) / 1000} CPU`;
  const isBytes = resource === 'memory' || resource === 'ephemeral-storage' || resource.startsWith('hugepages-');
  return isBytes ? `${bytesText(amount)} of ${resource}` : `${amount} ${resource}`;
}

/** `app=web,tier=front` */
export const labelsText = (labels: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

/** `; did you mean "web"?` or nothing. */
export function meant(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

const signals: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT: it was interrupted',
  3: 'SIGQUIT',
  4: 'SIGILL: an instruction that this processor does not know, often an image for another one',
  6: 'SIGABRT: it gave up by itself, often after a failed assertion',
  7: 'SIGBUS',
  8: 'SIGFPE: it calculated what cannot be calculated',
  9: 'SIGKILL: it was killed',
  11: 'SIGSEGV: it used memory that is not its own',
  13: 'SIGPIPE',
  15: 'SIGTERM: it was told to end',
};

const codes: Readonly<Record<number, string>> = {
  1: 'an error of the program itself',
  2: 'an error of the program itself, often wrong arguments',
  125: 'the container could not be started',
  126: 'the command was found, but may not be run',
  127: 'the command was not found',
  128: 'the container could not be started',
};

/** `exit code 137 (SIGKILL: it was killed)` */
export function exitText(code: number, signal?: number): string {
  const number = signal || (code > 128 && code < 160 ? code - 128 : 0);
  const words = number > 0 ? (signals[number] ?? `signal ${number}`) : codes[code];
  return words === undefined ? `exit code ${code}` : `exit code ${code} (${words})`;
}
