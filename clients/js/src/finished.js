/** What of a value is finished, and what is being written. Places are named by JSON Pointers. */

import { isContainer, isKnown, steps } from './patch.js';

/** @typedef {Pick<import('./state.js').Known, 'value' | 'open'>} Place */

/**
 * The JSON Pointer of the string that is being written; null if there is none.
 *
 * @param {Place} state
 */
export function writing({ value, open }) {
  for (const key of open ?? []) value = value[key];
  return open && typeof value === 'string' ? open.map(escape).join('') : null;
}

/** @param {string | number} step */
const escape = step => `/${`${step}`.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/**
 * Whether the value at a JSON Pointer is finished: nothing in it will change.
 *
 * A model writes one value after the other. So what has content, and is not on the way to what is
 * being written, is finished, with all that is in it. What is null or empty may still begin, unless
 * something around it is finished.
 *
 * @param {Place} state
 * @param {string} pointer
 */
export function isComplete({ value, open }, pointer) {
  let isFinished = !open && value !== undefined;
  let isOnTheWay = true;
  for (const [at, step] of steps(pointer).entries()) {
    if (!isContainer(value) || !{}.propertyIsEnumerable.call(value, step)) return false;
    const isElement = Array.isArray(value);
    value = value[step];
    isOnTheWay &&= !!open && at < open.length && `${open[at]}` === step;
    isFinished ||= !isOnTheWay && (isElement || isKnown(value));
  }
  return isFinished;
}
