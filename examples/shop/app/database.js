/** Orders in PostgreSQL, where they outlive everything else. */
import process from 'node:process';
import pg from 'pg';
import { log } from './service.js';

const schema = `
  create table if not exists orders (
    id bigint generated always as identity primary key,
    product text not null,
    customer text not null,
    state text not null default 'received',
    placed timestamptz not null default now(),
    changed timestamptz not null default now()
  )`;

/** Any number: processes that start at once make the table one after another. */
const schemaLock = 4711;

const columns = 'id::int, product, customer, state, placed';

export class Database {
  #pool = new pg.Pool({
    host: process.env.POSTGRES_HOST ?? 'postgres',
    user: 'postgres',
    database: 'postgres',
    password: process.env.POSTGRES_PASSWORD,
    max: 5,
    connectionTimeoutMillis: 3000,
    query_timeout: 5000,
  });
  #isPrepared = false;

  constructor() {
    // A connection that breaks while nobody uses it: the pool makes another one.
    this.#pool.on('error', (error) => log('a connection to PostgreSQL broke', { error: error.message }));
  }

  /** Throws where PostgreSQL does not answer. */
  async check() {
    if (this.#isPrepared) await this.#pool.query('select 1');
    else await this.#prepare();
  }

  async #prepare() {
    const client = await this.#pool.connect();
    try {
      await client.query('begin');
      await client.query('select pg_advisory_xact_lock($1)', [schemaLock]);
      await client.query(schema);
      await client.query('commit');
      this.#isPrepared = true;
    } finally {
      // What is left of a transaction goes with its connection.
      client.release(!this.#isPrepared);
    }
  }

  async add({ product, customer }) {
    const { rows } = await this.#pool.query(
      `insert into orders (product, customer) values ($1, $2) returning ${columns}`,
      [product, customer],
    );
    return rows[0];
  }

  async find(id) {
    const { rows } = await this.#pool.query(`select ${columns} from orders where id = $1`, [id]);
    return rows[0];
  }

  async latest(count) {
    const { rows } = await this.#pool.query(`select ${columns} from orders order by id desc limit $1`, [count]);
    return rows;
  }

  /** Only from the state that the order is thought to be in: two workers with one order do its steps once. */
  async move(id, from, to) {
    const { rows } = await this.#pool.query(
      `update orders set state = $3, changed = now() where id = $1 and state = $2 returning ${columns}`,
      [id, from, to],
    );
    return rows[0];
  }

  /** Orders that nobody works on: the queue lost them, or never had them. Of several workers one gets them. */
  async takeForgotten(seconds) {
    const { rows } = await this.#pool.query(
      `update orders set changed = now() where id in (
         select id from orders where state <> 'shipped' and changed < now() - make_interval(secs => $1)
         order by id limit 100 for update skip locked
       ) returning id::int`,
      [seconds],
    );
    return rows.map(({ id }) => id);
  }

  async report(keepDays) {
    const counts = await this.#pool.query('select state, count(*)::int from orders group by state order by state');
    const removed = await this.#pool.query(
      `delete from orders where state = 'shipped' and placed < now() - make_interval(days => $1)`,
      [keepDays],
    );
    return {
      orders: Object.fromEntries(counts.rows.map(({ state, count }) => [state, count])),
      removed: removed.rowCount,
    };
  }

  close() {
    return this.#pool.end();
  }
}
