/**
 * From lines of a CRI log to what `kubectl logs` shows. Pure.
 *
 * A line is `2026-11-21T01:02:03.000000004Z stdout F text`. `P` marks a part of a longer line: runtimes split at 16 KiB, and parts
 * are shown joined. Lines that do not have this form are left out, as the kubelet leaves them out.
 */

export interface LogOptions {
  /** Milliseconds since the epoch; lines before are left out. */
  readonly sinceMs?: number;
  /** The last lines only. */
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly timestamps?: boolean;
  /** Absent: both. */
  readonly stream?: 'stdout' | 'stderr';
}

export interface LogLine {
  readonly timestamp: string;
  readonly stream: string;
  readonly partial: boolean;
  readonly text: Buffer;
}

const space = 0x20;

/** @param line without its newline; undefined where it is not a log line */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first < 1 || second < 0 || third < 0) return undefined;
  const tags = line.toString('latin1', second + 1, third).split(':');
  return {
    timestamp: line.toString('latin1', 0, first),
    stream: line.toString('latin1', first + 1, second),
    partial: !tags.includes('F'),
    text: line.subarray(third + 1),
  };
}

/** Renders a sequence of lines: remembers whether a line is being continued, and how many bytes may still go out. */
export class LogFilter {
  readonly #options: LogOptions;
  #leftBytes: number;
  /** The last line shown was a part: what comes next of the same stream continues it. */
  #continuing = '';

  constructor(options: LogOptions) {
    this.#options = options;
    this.#leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Nothing more will be shown. */
  get isFull(): boolean {
    return this.#leftBytes <= 0;
  }

  /** What to show for one raw line; empty where nothing. */
  render(raw: Buffer): Buffer {
    const line = parseLogLine(raw);
    if (line === undefined || !this.#wanted(line)) return Buffer.alloc(0);
    const stamp = this.#options.timestamps && this.#continuing !== line.stream ? `${fixedWidth(line.timestamp)} ` : '';
    this.#continuing = line.partial ? line.stream : '';
    const whole = Buffer.concat([Buffer.from(stamp), line.text, Buffer.from(line.partial ? '' : '\n')]);
    const shown = whole.subarray(0, Math.min(whole.length, this.#leftBytes));
    this.#leftBytes -= shown.length;
    return shown;
  }

  #wanted({ timestamp, stream }: LogLine): boolean {
    const { sinceMs, stream: only } = this.#options;
    if (only !== undefined && only !== stream) return false;
    return sinceMs === undefined || timeOf(timestamp) >= sinceMs;
  }
}

/** With nine digits of a second, as the kubelet shows times; runtimes leave zeros at the end away. */
function fixedWidth(timestamp: string): string {
  const [, seconds = '', digits = '', zone = ''] = /^([^.Z+]+T[^.Z+-]+)(?:\.(\d+))?(.*)$/.exec(timestamp) ?? [];
  return seconds === '' ? timestamp : `${seconds}.${digits.padEnd(9, '0')}${zone}`;
}

/** Nanoseconds are more than a Date takes. */
export function timeOf(timestamp: string): number {
  const exact = Date.parse(timestamp);
  return Number.isNaN(exact) ? Date.parse(`${timestamp.slice(0, 23)}Z`) : exact;
}
