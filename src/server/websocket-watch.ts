/**
 * A watch, or a pod's log, over a WebSocket. Of a watch one message is an event, text where the event is JSON, binary where it is protobuf. Browsers have no other way to
 * follow a stream of frames. What the client sends is read and thrown away; its going ends the watch.
 *
 * The connection becomes a WebSocket only when there is something to send: until then an error is an ordinary answer (`upgrade-exchange.ts`).
 * Of the subprotocols that the client offers it gets the first that carries no credentials, as browsers insist on one of theirs; for a
 * watch all mean the same, and a log comes in the form that its name says.
 */
import { Writable } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { answerPings } from '../lib/websocket-pings.ts';
import type { AnswerHeaders, Exchange, Upgrade } from './http/exchange.ts';
import type { WatchOutput } from './watch-response.ts';

/** How a browser sends its bearer token: no subprotocol that could be spoken. */
const bearerProtocol = 'base64url.bearer.authorization.k8s.io.';

const base64Protocol = 'base64.binary.k8s.io';

/** Messages from the client mean nothing: longer ones end the connection. */
const messageBytesMax = 4_096;

const sockets = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  autoPong: false,
  maxPayload: messageBytesMax,
  handleProtocols: (offered) => [...offered].find((protocol) => !protocol.startsWith(bearerProtocol)) ?? false,
});

/** Where the events of a watch go: what the client asked for. */
export function watchOutput(exchange: Exchange): WatchOutput {
  const { upgrade } = exchange;
  if (upgrade?.protocol === 'websocket') return new WebSocketOutput(exchange, upgrade);
  return {
    messages: false,
    onClose: (callback) => exchange.onClose(callback),
    stream: (status, headers) => exchange.stream(status, headers),
    abort: () => exchange.abort(),
  };
}

/** Where a log goes: messages of bytes, or of their base64. */
export function logOutput(exchange: Exchange): Pick<WatchOutput, 'stream'> {
  const { upgrade } = exchange;
  return upgrade?.protocol === 'websocket' ? new WebSocketOutput(exchange, upgrade, base64Protocol) : exchange;
}

class WebSocketOutput implements WatchOutput {
  readonly messages = true;
  readonly #exchange: Exchange;
  readonly #upgrade: Upgrade;
  readonly #inBase64: string | undefined;

  /** @param inBase64 the subprotocol under which messages are base64 */
  constructor(exchange: Exchange, upgrade: Upgrade, inBase64?: string) {
    this.#exchange = exchange;
    this.#upgrade = upgrade;
    this.#inBase64 = inBase64;
  }

  onClose(callback: () => void): void {
    this.#exchange.onClose(callback);
  }

  abort(): void {
    this.#exchange.abort();
  }

  /** A bad handshake is answered by the library (400, 426): the stream then leads nowhere. */
  stream(_status: number, headers: AnswerHeaders): Writable {
    const { request } = this.#upgrade;
    const { socket, head } = this.#upgrade.take();
    const binary = !String(headers['content-type']).startsWith('application/json');
    let made: WebSocket | undefined;
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      made = webSocket;
    });
    if (made === undefined) return new Writable({ write: (_chunk, _encoding, done) => done() });
    return messages(made, made.protocol === this.#inBase64 ? 'base64' : binary ? 'binary' : 'text');
  }
}

/** Each write is a message; it is done when the connection has taken it. */
function messages(webSocket: WebSocket, form: 'text' | 'binary' | 'base64'): Writable {
  webSocket.on('error', ignore);
  answerPings(webSocket);
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) =>
      webSocket.send(form === 'base64' ? chunk.toString('base64') : chunk, { binary: form === 'binary' }, done),
    final: (done) => {
      webSocket.close(normalClosure);
      done();
    },
  });
  out.on('error', ignore);
  return out;
}

const normalClosure = 1000;

function ignore(): void {}
