/** Redis between the processes: a stream of orders that wait for a worker, and a channel on which their progress is told. */
import process from 'node:process';
import { createClient } from '@redis/client';
import { log } from './service.js';

const stream = 'orders';
const group = 'workers';
const channel = 'progress';
/** The stream keeps about so many: what was worked on is in PostgreSQL. */
const streamLengthMax = 10_000;
/** A worker that has an order for so long is gone. */
const lostMs = 30_000;

export class Queue {
  #client;

  static async open() {
    const client = createClient({
      socket: {
        host: process.env.REDIS_HOST ?? 'redis',
        port: 6379,
        reconnectStrategy: (tries) => Math.min(tries * 100, 2000),
      },
      password: process.env.REDIS_PASSWORD,
      // While Redis is away, callers are told so, and do not wait in a line that grows.
      disableOfflineQueue: true,
    });
    client.on('error', (error) => log('Redis', { error: error.message }));
    await client.connect();
    return new Queue(client);
  }

  constructor(client) {
    this.#client = client;
  }

  async check() {
    await this.#client.ping();
  }

  async add(id) {
    const TRIM = { strategy: 'MAXLEN', strategyModifier: '~', threshold: streamLengthMax };
    await this.#client.xAdd(stream, '*', { id: String(id) }, { TRIM });
  }

  async prepare() {
    await this.#client.xGroupCreate(stream, group, '0', { MKSTREAM: true }).catch((error) => {
      if (!error.message.startsWith('BUSYGROUP')) throw error;
    });
  }

  /** The next order for this worker, one that another worker lost first; undefined after a second without. */
  async take(worker) {
    const { messages } = await this.#client.xAutoClaim(stream, group, worker, lostMs, '0', { COUNT: 1 });
    const lost = messages.find((message) => message !== null);
    if (lost !== undefined) return taken(lost);
    const answer = await this.#client.xReadGroup(group, worker, { key: stream, id: '>' }, { COUNT: 1, BLOCK: 1000 });
    const message = answer?.[0]?.messages[0];
    return message === undefined ? undefined : taken(message);
  }

  async done({ entry }) {
    await this.#client.xAck(stream, group, entry);
  }

  async tell(order) {
    await this.#client.publish(channel, JSON.stringify(order));
  }

  async listen(hear) {
    await this.#client.subscribe(channel, (text) => hear(text));
  }

  close() {
    this.#client.destroy();
  }
}

const taken = ({ id, message }) => ({ entry: id, order: Number(message.id) });
