/**
 * Structured log lines: one JSON object a line, constant messages, facts as fields. Never a Secret's data, a token or a key.
 */
import type { Clock } from './clock.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines all carry `fields`. */
  with(fields: LogFields): Logger;
}

const severity: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export class JsonLogger implements Logger {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #level: LogLevel;
  readonly #fields: LogFields;

  constructor(options: { clock: Clock; write: (line: string) => void; level?: LogLevel; fields?: LogFields }) {
    this.#clock = options.clock;
    this.#write = options.write;
    this.#level = options.level ?? 'info';
    this.#fields = options.fields ?? {};
  }

  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields);
  }

  with(fields: LogFields): Logger {
    return new JsonLogger({
      clock: this.#clock,
      write: this.#write,
      level: this.#level,
      fields: { ...this.#fields, ...fields },
    });
  }

  #log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (severity[level] < severity[this.#level]) return;
    const time = new Date(this.#clock.now()).toISOString();
    this.#write(`${JSON.stringify({ time, level, message, ...this.#fields, ...fields }, plain)}\n`);
  }
}

/** Errors print as their message and cause; JSON alone would print `{}`. */
function plain(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return value.cause === undefined
    ? `${value.name}: ${value.message}`
    : { error: `${value.name}: ${value.message}`, cause: value.cause };
}

/** For tests and for parts that nobody listens to. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};
