/** The nightly report: how many orders there are, and old ones removed. Runs once and ends. */
import process from 'node:process';
import { Database } from './database.js';
import { log } from './service.js';

const database = new Database();
await database.check();
log('report', await database.report(Number(process.env.KEEP_DAYS ?? 30)));
await database.close();
