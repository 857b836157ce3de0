/**
 * Whom the API asks outside: admission webhooks and conversion webhooks. The registry says what is asked; how one gets there (a URL, or a
 * Service whose pods may be on nodes that only dial out) is the server's to know (`server/outside/`).
 */
import type { JsonObject } from '../api/object.ts';

export interface OutsideTarget {
  /** Exactly one of both. */
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path?: string;
    /** 443 where absent. */
    readonly port?: number;
  };
  /** Base64 of PEM, as in `clientConfig`; the system's authorities where absent. */
  readonly caBundle?: string;
}

export interface OutsideCaller {
  /**
   * False while the cluster starts, and nobody but itself writes: webhooks are not asked yet, since none that fails may keep a cluster from
   * starting, in which it could be taken back. Absent: it is.
   */
  readonly isOpen?: boolean;
  /**
   * POSTs JSON and resolves with the JSON that comes back with status 200. Bounded by `timeoutMs` and by `answerBytesMax`.
   * @throws OutsideFault
   */
  post(target: OutsideTarget, body: JsonObject, options: OutsideOptions): Promise<JsonObject>;
}

export interface OutsideOptions {
  readonly timeoutMs: number;
  /** `limits.webhookAnswerBytesMax` where absent. */
  readonly answerBytesMax?: number;
  /** Added to the URL as `?timeout=10s`, as upstream does for admission webhooks. */
  readonly tellsTimeout?: boolean;
}

/** Worded as Go's client words it: `Post "https://…": dial tcp 10.0.0.1:443: connect: connection refused`. */
export class OutsideFault extends Error {
  readonly isTimeout: boolean;

  constructor(message: string, { isTimeout = false, cause }: { isTimeout?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.isTimeout = isTimeout;
  }
}
