/** What came back for a request, over any kind of connection. */
export interface Received {
  /** 0 where the connection ended without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** From the first byte sent to the last received. */
  readonly ms: number;
  /** The server made no end of it, as of a watch, and the client did. */
  readonly cut: boolean;
  /** What went wrong with the connection, in words; empty where nothing did. */
  readonly problem: string;
}

/** A stream that goes on is watched for so long after its head has come. */
export const streamMs = 25;

/** A client that waits longer for an answer takes it for a hang. All metrics at once are many megabytes through narrow windows, which takes its time. */
export const answerMsMax = 30_000;

/** May the answer be a stream that ends only when somebody ends it? */
export const mayStream = (path: string): boolean => /[?&]watch\b|\/watch\/|[?&]follow/.test(path);
