/** What an order is, as pure functions: api, worker and web agree here. */
import { RequestError } from './service.js';

export const products = [
  { id: 'tea', name: 'Tea', cents: 450 },
  { id: 'coffee', name: 'Coffee', cents: 690 },
  { id: 'cake', name: 'Cake', cents: 1250 },
];

/** The way of an order; the worker takes it from each to the next. */
export const states = ['received', 'packed', 'shipped'];

/** Undefined at the end of the way. */
export const nextState = (state) => states[states.indexOf(state) + 1];

/** @throws RequestError that says what is wrong with it */
export function parseOrder(text) {
  let order;
  try {
    order = JSON.parse(text);
  } catch {
    throw new RequestError(400, 'an order is JSON, such as {"product": "tea", "customer": "Ada"}');
  }
  const { product, customer } = order ?? {};
  if (!products.some(({ id }) => id === product)) {
    throw new RequestError(
      400,
      `there is no product ${JSON.stringify(product)}; there are ${products.map(({ id }) => id).join(', ')}`,
    );
  }
  if (typeof customer !== 'string' || customer.trim() === '' || customer.length > 60) {
    throw new RequestError(400, 'an order needs a customer, a name of at most 60 letters');
  }
  return { product, customer: customer.trim() };
}

export const price = (cents) => `€ ${(cents / 100).toFixed(2)}`;
