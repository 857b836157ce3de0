import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextState, parseOrder, price, products } from './orders.js';
import { escape, page } from './page.js';

test('an order names a product that there is, and a customer', () => {
  assert.deepEqual(parseOrder('{"product": "tea", "customer": " Ada "}'), { product: 'tea', customer: 'Ada' });
  for (const [text, reason] of [
    ['', /is JSON/],
    ['null', /no product undefined/],
    ['{"product": "car", "customer": "Ada"}', /no product "car"; there are tea, coffee, cake/],
    ['{"product": "tea"}', /needs a customer/],
    [JSON.stringify({ product: 'tea', customer: 'x'.repeat(61) }), /at most 60/],
  ]) {
    assert.throws(() => parseOrder(text), { status: 400, message: reason });
  }
});

test('an order goes its way to the end', () => {
  assert.equal(nextState('received'), 'packed');
  assert.equal(nextState('packed'), 'shipped');
  assert.equal(nextState('shipped'), undefined);
});

test('prices have two digits', () => assert.equal(price(450), '€ 4.50'));

test('what customers write is text on the page, and nothing else', () => {
  const orders = [{ id: 7, product: 'tea', customer: '<script>alert(1)</script>', state: 'packed' }];
  const html = page({ title: 'A & B', products, orders, pod: 'web-1' });
  assert.ok(html.includes('<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>'));
  assert.ok(html.includes('<title>A &amp; B</title>'));
  assert.ok(html.includes('<tr id="order-7">'));
  assert.equal(escape(`"'`), '&quot;&#39;');
});
