/** What a reader knows, and how the server's events change it. */

import { isComplete, writing } from './finished.js';
import { apply, share, tip } from './patch.js';

/** @typedef {import('./patch.js').Path} Path */

/**
 * @typedef {object} Restart why another attempt begins
 * @property {number} attempt the number of the new attempt
 * @property {string} code
 * @property {import('./error.js').Flaw[]} errors
 * @property {string} [model] the model that is asked from now on, if it is another one
 */

/**
 * @template [Value=any]
 * @typedef {object} Known
 * @property {Value | undefined} value what is known so far; undefined before the first partial
 *   and after a restart
 * @property {Path | null} open the path that is being written; null when the value is complete
 * @property {number} attempt
 * @property {Restart} [restart] why this attempt began, if it isn't the first
 * @property {string} [reasoning] what the model has reasoned in this attempt, if that was asked for
 *   and the provider shows it
 */

/**
 * @template [Value=any]
 * @typedef {Known<Value> & {
 *   writing: string | null,
 *   isComplete: (pointer: string) => boolean,
 * }} State what readers get. `writing`: the JSON Pointer of the string that is being written, or
 *   null. `isComplete`: whether the value at a JSON Pointer is finished
 */

/** @type {Known} */
export const UNKNOWN = { value: undefined, open: null, attempt: 1 };

/**
 * @param {Known} state
 * @param {string} event the type
 * @param {any} data
 * @returns {Known} the same object if the event does not change the state
 */
export function reduce(state, event, data) {
  const { value, ...rest } = state;
  switch (event) {
    case 'patch':
      return { ...rest, ...apply(value, data) };
    case 'message':
      return { ...rest, value: share(value, data), open: tip(data) };
    case 'item':
      return { ...rest, value: [...(value ?? []), data], open: [] };
    case 'reasoning':
      return { ...state, reasoning: (state.reasoning ?? '') + data.text };
    case 'restart':
      return { ...UNKNOWN, attempt: data.attempt, restart: data };
    case 'done':
      return { ...rest, value: share(value, data), open: null };
    default:
      return state;
  }
}

/**
 * @param {Known} state
 * @returns {State}
 */
export const shown = state => ({
  ...state,
  writing: writing(state),
  isComplete: pointer => isComplete(state, pointer),
});
