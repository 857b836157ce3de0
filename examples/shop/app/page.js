/** The shop's page: made by the server with all that is known, kept up to date by the WebSocket `/live`. Pure. */
import { price } from './orders.js';

export const escape = (text) =>
  String(text).replace(
    /[&<>"']/g,
    (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[letter],
  );

const row = ({ id, product, customer, state }) =>
  `<tr id="order-${Number(id)}"><td>${Number(id)}</td><td>${escape(product)}</td><td>${escape(customer)}</td><td class="${escape(state)}">${escape(state)}</td></tr>`;

const option = ({ id, name, cents }) =>
  `<option value="${escape(id)}">${escape(name)}, ${escape(price(cents))}</option>`;

const style = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
  form { display: flex; gap: .5rem; margin: 1rem 0 } input, select, button { font: inherit; padding: .3rem .6rem }
  table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem; border-bottom: 1px solid #ddd }
  .received { color: #a60 } .packed { color: #06a } .shipped { color: #080 } #live { color: #888 }`;

/** After a cut (a new version of the page's server, a lost network) it connects again, a little later each time, and loads what it missed. */
const script = `
  const rows = document.querySelector('tbody'), live = document.querySelector('#live');
  let tries = 0;
  const show = ({ id, product, customer, state }) => {
    let row = document.querySelector('#order-' + id);
    if (!row) { row = document.createElement('tr'); row.id = 'order-' + id; rows.prepend(row); }
    row.replaceChildren(...[id, product, customer, state].map((text) => {
      const cell = document.createElement('td'); cell.textContent = text; return cell;
    }));
    row.lastChild.className = state;
  };
  const connect = () => {
    const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/live');
    socket.onopen = async () => {
      live.textContent = 'live';
      if (tries > 0) for (const order of (await (await fetch('/orders')).json()).reverse()) show(order);
      tries = 0;
    };
    socket.onmessage = ({ data }) => show(JSON.parse(data));
    socket.onclose = () => {
      live.textContent = 'connecting again';
      setTimeout(connect, Math.min(5000, 200 * 2 ** tries++) * (0.5 + Math.random() / 2));
    };
  };
  connect();
  document.querySelector('form').onsubmit = async (event) => {
    event.preventDefault();
    const answer = await fetch('/orders', { method: 'POST', body: JSON.stringify(Object.fromEntries(new FormData(event.target))) });
    if (!answer.ok) alert((await answer.json()).error);
  };`;

export function page({ title, products, orders, pod }) {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${style}</style>
<h1>${escape(title)}</h1>
<form><select name="product">${products.map(option).join('')}</select><input name="customer" placeholder="your name" required maxlength="60"><button>Order</button></form>
<table><thead><tr><th>Order</th><th>Product</th><th>Customer</th><th>State</th></tr></thead><tbody>${orders.map(row).join('')}</tbody></table>
<p><span id="live">connecting</span>, served by ${escape(pod)}</p>
<script>${script}</script>
</html>
`;
}
