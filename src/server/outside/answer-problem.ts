/**
 * Why an answer of a server outside is none, in the words of upstream's client: what its own `Status` says, else a sentence for its code.
 * Pure.
 */

export interface RawAnswer {
  readonly method: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

const quotedCharactersMax = 2048;

const sentences: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};

/** Codes whose own text is told. */
const toldAsTheyAre: ReadonlySet<number> = new Set([403, 406, 415]);

/** Undefined: there is nothing wrong with it. */
export function answerProblem(answer: RawAnswer): string | undefined {
  const { status, contentType, body } = answer;
  const failure = failureIn(body);
  if (failure !== undefined) return failure;
  if (status < 200 || status > 206) return genericText(answer);
  if (body.length === 0) return `0-length response with status code: ${status} and content type: ${contentType}`;
  return undefined;
}

function genericText({ status, contentType, body }: RawAnswer): string {
  const isText = contentType === '' || /^text\//i.test(contentType);
  const own = isText ? body.subarray(0, quotedCharactersMax).toString('utf8').trim() : 'unknown';
  const sentence = sentences[status];
  if (sentence !== undefined) return sentence;
  if (toldAsTheyAre.has(status)) return own;
  if (status >= 500) return `an error on the server (${JSON.stringify(own)}) has prevented the request from succeeding`;
  return `the server responded with the status code ${status} but did not return more information`;
}

/** What a `Status` of failure says. */
function failureIn(body: Buffer): string | undefined {
  // No other answer is short and says so near its beginning.
  if (body.length > 64 * 1024 || !body.includes('"Status"')) return undefined;
  try {
    const value = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    if (value['kind'] !== 'Status' || value['status'] === 'Success') return undefined;
    return typeof value['message'] === 'string' ? value['message'] : '';
  } catch {
    return undefined;
  }
}
