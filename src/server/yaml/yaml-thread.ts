/**
 * YAML bodies without a stall. Nearly all YAML is read at a glance; the rest takes the library, at some hundred kilobytes a second: half a
 * megabyte would keep every other request waiting for seconds. Beyond a small size such a text goes to a thread.
 *
 *   body ─→ small, or read at a glance ─────────────────────────→ read here
 *      └──→ queue (bounded; who goes away leaves it) ─→ thread ─→ the same value, the same duplicates, the same refusal
 *
 * There is one thread: started by the first such text, ended when there was none for a while, when a text takes too long or too much
 * memory, which is the client's fault and told so, and by `close`.
 */
import { DecodeError } from '../../api/decode-error.ts';
import type { ParsedDocument } from '../../api/decode-json.ts';
import { restoreLiterals } from '../../api/number-literals.ts';
import type { JsonValue } from '../../api/object.ts';
import { StatusError, tooManyRequests } from '../../api/status-error.ts';
import { documentAtAGlance, firstDocument, parseYaml, yamlText } from '../../api/yaml.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { WorkerDied, WorkerThread } from '../../lib/worker-thread.ts';
import type { YamlReply } from './yaml-worker.ts';

/** As `parseYaml`. @throws DecodeError */
export type ReadYaml = (bytes: Buffer) => ParsedDocument;

/** Whose text it is: an exchange, which may end before its turn comes. */
interface Owner {
  onClose(callback: () => void): void;
}

interface Job {
  readonly text: string;
  readonly resolve: (document: ParsedDocument) => void;
  readonly reject: (error: unknown) => void;
}

const idleMsMax = 60_000;
const retryAfterSeconds = 5;

export class YamlThread {
  readonly #clock: Clock;
  readonly #heapMebibytesMax: number;
  #thread: WorkerThread<string, YamlReply> | undefined;
  /** Threads that were told to end. */
  readonly #endings = new Set<Promise<void>>();
  readonly #waiting: Job[] = [];
  #waitingCharacters = 0;
  #isReading = false;
  #idle: Timer | undefined;

  constructor(clock: Clock, heapMebibytesMax: number = limits.yamlHeapMebibytesMax) {
    this.#clock = clock;
    this.#heapMebibytesMax = heapMebibytesMax;
  }

  /**
   * Resolves when the body can be read without delay, to what reads it: `parseYaml`, or what gives its result.
   * @throws StatusError TooManyRequests
   */
  async prepare(bytes: Buffer, owner: Owner): Promise<ReadYaml> {
    if (bytes.length <= limits.yamlCharactersInlineMax) return parseYaml;
    try {
      const document = await this.#document(yamlText(bytes), owner);
      return () => document;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return () => {
        throw error;
      };
    }
  }

  /** What waits, and what is being read, is refused. Another text would start all anew. */
  async close(): Promise<void> {
    this.#idle?.cancel();
    for (const job of this.#waiting.splice(0)) job.reject(closing());
    this.#waitingCharacters = 0;
    this.#end(closing());
    await Promise.all(this.#endings);
  }

  /** @throws DecodeError, StatusError */
  async #document(text: string, owner: Owner): Promise<ParsedDocument> {
    const document = documentAtAGlance(text);
    if (document !== undefined) return document;
    const isForHere = text.length <= limits.yamlCharactersInlineMax || text.length > limits.yamlCharactersMax;
    return isForHere ? firstDocument(text) : this.#enqueue(text, owner);
  }

  #enqueue(text: string, owner: Owner): Promise<ParsedDocument> {
    if (this.#waitingCharacters + text.length > limits.yamlWaitingCharactersMax) {
      throw tooManyRequests('Too many large YAML documents, please try again later, or send JSON.', retryAfterSeconds);
    }
    return new Promise((resolve, reject) => {
      const job = { text, resolve, reject };
      this.#waiting.push(job);
      this.#waitingCharacters += text.length;
      owner.onClose(() => this.#forget(job));
      if (!this.#isReading) void this.#readAll();
    });
  }

  /** Nobody waits for its answer any more. */
  #forget(job: Job): void {
    const place = this.#waiting.indexOf(job);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    this.#waitingCharacters -= job.text.length;
    job.reject(new StatusError(503, 'ServiceUnavailable', 'the client has gone', {}));
  }

  async #readAll(): Promise<void> {
    this.#isReading = true;
    this.#idle?.cancel();
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      this.#waitingCharacters -= job.text.length;
      await this.#read(job.text).then(job.resolve, job.reject);
    }
    this.#isReading = false;
    if (this.#thread !== undefined) this.#idle = this.#clock.after(idleMsMax, () => this.#end());
  }

  /** @throws DecodeError, StatusError where this is closing, WorkerDied */
  async #read(text: string): Promise<ParsedDocument> {
    const thread = this.#living();
    const late = this.#clock.after(limits.yamlReadMsMax, () => this.#end(tooSlow()));
    try {
      return documentOf(await thread.ask(text));
    } catch (error) {
      if (error instanceof DecodeError) throw error;
      if (this.#thread === thread) this.#end();
      throw reasonOf(error);
    } finally {
      late.cancel();
    }
  }

  #living(): WorkerThread<string, YamlReply> {
    if (this.#thread?.dead) this.#thread = undefined;
    this.#thread ??= new WorkerThread({
      source: new URL('./yaml-worker.ts', import.meta.url),
      name: 'naru-yaml',
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMebibytesMax },
    });
    return this.#thread;
  }

  #end(cause?: Error): void {
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread === undefined) return;
    const ending = thread.end(cause).finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }
}

/** @throws DecodeError */
function documentOf(reply: YamlReply): ParsedDocument {
  if (reply.kind === 'refused') throw new DecodeError(reply.message);
  if (reply.kind === 'ready') throw new Error('the thread answered before it was asked');
  const value = JSON.parse(reply.json) as JsonValue;
  restoreLiterals(value, reply.literals);
  return { value, duplicates: reply.duplicates };
}

/** What the client is told of the thread's death, where that is the text's fault, or ours; else the death itself. */
function reasonOf(error: unknown): unknown {
  if (!(error instanceof WorkerDied)) return error;
  const { cause } = error;
  if (cause instanceof DecodeError || cause instanceof StatusError) return cause;
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge() : error;
}

const tooSlow = (): DecodeError =>
  new DecodeError(
    `yaml: the document takes longer than ${limits.yamlReadMsMax / 1000} seconds to read: send it as JSON`,
  );

const tooLarge = (): DecodeError =>
  new DecodeError('yaml: the document takes too much memory to read: send it as JSON');

const closing = (): StatusError =>
  new StatusError(503, 'ServiceUnavailable', 'The apiserver is shutting down, please try again later.', {});
