/** What the values of custom kinds go through, by their schema; see `api/structural/`. */
export { conformed } from '../../api/decode.ts';
