/** The `timeout` of a request's query: how long the client is ready to wait, never longer than the server is. Pure. */
import { badRequest } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';

/** In milliseconds. Zero, and whatever is longer than `requestMsMax`, mean `requestMsMax`. @throws StatusError BadRequest */
export function requestMsMax(query: URLSearchParams): number {
  const text = query.get('timeout');
  if (text === null || text === '') return limits.requestMsMax;
  const asked = parseDuration(text);
  if (asked === undefined) {
    throw badRequest(`invalid timeout specified in the request URL - ${durationProblem(text)}`);
  }
  return asked > 0 && asked < limits.requestMsMax ? asked : limits.requestMsMax;
}

const msPerUnit: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Longer ones are not looked at: no duration needs so many digits. */
const durationCharactersMax = 256;

/** Go's form: `1m30s`, `-1.5h`, `0`. In milliseconds; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  if (text.length > durationCharactersMax) return undefined;
  const match = /^([+-]?)(0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return undefined;
  const [, sign, rest = ''] = match;
  let ms = 0;
  for (const [, number, unit = 's'] of rest.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    ms += Number(number) * (msPerUnit[unit] ?? 0);
  }
  return sign === '-' ? -ms : ms;
}

/** In Go's words, which upstream passes on. */
function durationProblem(text: string): string {
  const quoted = JSON.stringify(text.slice(0, durationCharactersMax));
  if (text.length > durationCharactersMax) return `time: invalid duration ${quoted}`;
  if (/^[+-]?(\d+(?:\.\d*)?|\.\d+)$/.test(text)) return `time: missing unit in duration ${quoted}`;
  const unknown = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+(?:\.\d*)?|\.\d+)([^\d.]+)/.exec(
    text,
  )?.[1];
  if (unknown !== undefined) return `time: unknown unit ${JSON.stringify(unknown)} in duration ${quoted}`;
  return `time: invalid duration ${quoted}`;
}
