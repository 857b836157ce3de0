/** The shop's API: `GET /api/orders`, `GET /api/orders/ID`, `POST /api/orders`, `GET /api/products`. */
import { Database } from './database.js';
import { parseOrder, products } from './orders.js';
import { Queue } from './queue.js';
import { bodyOf, closeServer, endsWith, log, RequestError, sendJson, serve } from './service.js';

const shownMax = 50;
const database = new Database();
const queue = await Queue.open();

async function handle(request, response, path) {
  const what = `${request.method} ${path}`;
  if (what === 'GET /api/products') return sendJson(response, 200, products);
  if (what === 'GET /api/orders') return sendJson(response, 200, await database.latest(shownMax));
  if (what === 'POST /api/orders') return sendJson(response, 201, await place(parseOrder(await bodyOf(request))));
  const id = /^GET \/api\/orders\/(\d{1,15})$/.exec(what)?.[1];
  const order = id === undefined ? undefined : await database.find(Number(id));
  if (order === undefined) throw new RequestError(404, `there is no ${path}`);
  sendJson(response, 200, order);
}

/** In the database first. Where the queue does not take it, a worker finds it there later. */
async function place(wanted) {
  const order = await database.add(wanted);
  log('order placed', { order: order.id });
  try {
    await queue.add(order.id);
    await queue.tell(order);
  } catch (error) {
    log('the queue did not take an order', { order: order.id, error: error.message });
  }
  return order;
}

const server = serve(handle, async () => {
  await database.check();
  await queue.check();
});

endsWith(async () => {
  await closeServer(server);
  queue.close();
  await database.close();
});
