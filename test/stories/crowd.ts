/** Visitors of several kinds (`visit/visitors.ts`), wherever they run: what they saw, kept until they have gone home. */
import { elapsedMs } from '../harness.ts';
import { Lines } from './lines.ts';

/** What one kind of visitors last said of itself. */
export interface Totals {
  readonly sent: number;
  readonly sockets: number;
  readonly pods: number;
  /** By what answers said of their key: when the last one came (ms of the wall clock). */
  readonly keys: Readonly<Record<string, number>>;
}

/** A WebSocket that ended with `pod`. */
export interface EndedSocket {
  readonly pod: string;
  readonly atMs: number;
  readonly text: string;
}

const toldMax = 50;
export const secondsOf = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export class Crowd {
  readonly totals = new Map<string, Totals>();
  readonly ended: EndedSocket[] = [];
  readonly failures: string[] = [];
  readonly #say: (line: string) => void;
  readonly #startMs = elapsedMs();
  readonly #programs: Lines[] = [];

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** A line of the story, with its time. */
  tell(line: string): void {
    this.#say(`${secondsOf(this.#startMs()).padStart(8)}  ${line}`);
  }

  /** A program that tells what it sees: visitors, or the log of some that run elsewhere. */
  come(who: string, argv: readonly string[]): void {
    this.watch(argv, (line) => this.#take(who, line));
  }

  /** Any program that goes home with the visitors. */
  watch(argv: readonly string[], take: (line: Readonly<Record<string, unknown>>) => void): void {
    this.#programs.push(new Lines(argv, take));
  }

  get requests(): number {
    return [...this.totals.values()].reduce((sum, { sent }) => sum + sent, 0);
  }

  async leave(): Promise<void> {
    for (const program of this.#programs.splice(0)) await program.close();
  }

  #take(who: string, line: Readonly<Record<string, unknown>>): void {
    const text = `${who}: ${JSON.stringify(line)}`;
    if (line['kind'] === 'failed') {
      this.failures.push(text);
      if (this.failures.length <= toldMax) this.tell(text);
    } else if (line['kind'] === 'ended') {
      this.ended.push({ pod: String(line['pod']), atMs: Number(line['atMs']), text });
    } else if (line['kind'] === 'slept') this.tell(text);
    else this.totals.set(who, line as unknown as Totals);
  }
}
