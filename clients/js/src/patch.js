/**
 * The operations of the `delta` view: RFC 6902's `add` and `replace`, and `append`.
 *
 * Values are not changed in place. Parts that an operation does not touch are not copied: an
 * element that did not change stays the same object.
 */

/** @typedef {(string | number)[]} Path keys and indices from the root; `[]` is the whole value */

/**
 * @typedef {object} Operation
 * @property {'add' | 'replace' | 'append'} op
 * @property {string} path a JSON Pointer
 * @property {any} value
 */

/**
 * @param {any} value
 * @param {Operation[]} operations
 * @returns {{ value: any, open: Path }} the new value, and the path that is being written
 */
export function apply(value, operations) {
  /** @type {Path} */
  let open = [];
  const own = new Set(); // the containers that this call has made, which it may change
  for (const operation of operations) {
    const path = steps(operation.path);
    open = [];
    value = change(value, path, operation, own, open);
    if (operation.op !== 'append') open = tip(operation.value, open);
  }
  return { value, open };
}

/** @param {string} step */
const unescape = step => step.replaceAll('~1', '/').replaceAll('~0', '~');

/**
 * The steps of a JSON Pointer. https://www.rfc-editor.org/rfc/rfc6901
 *
 * @param {string} pointer
 */
export const steps = pointer => pointer.split('/').slice(1).map(unescape);

/**
 * @param {unknown} value
 * @returns {boolean}
 */
export const isContainer = value => typeof value === 'object' && value !== null;

/**
 * @param {any} node
 * @param {string[]} path
 * @param {Operation} operation
 * @param {Set<object>} own
 * @param {Path} way the function appends the path to it, as keys and indices
 * @returns {any}
 */
function change(node, [step, ...rest], operation, own, way) {
  const { op, value } = operation;
  if (step === undefined) return op === 'append' ? node + value : share(node, value);
  if (!isContainer(node)) throw new TypeError('An operation leads nowhere.');
  const isList = Array.isArray(node);
  const key = isList ? Number(step) : step;
  way.push(key);
  const copy = own.has(node) ? node : isList ? [...node] : { ...node };
  own.add(copy);
  if (isList && op === 'add' && !rest.length) copy.splice(key, 0, value);
  else set(copy, key, change(get(node, key), rest, operation, own, way));
  return copy;
}

/**
 * An own property only, because a key may be `__proto__`.
 *
 * @param {any} node
 * @param {string | number} key
 */
const get = (node, key) => (Object.hasOwn(node, key) ? node[key] : undefined);

/**
 * @param {any} node
 * @param {string | number} key
 * @param {unknown} value
 */
const set = (node, key, value) =>
  Object.defineProperty(node, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });

/**
 * The new value, with the old objects for all parts that are equal. So `===` tells what changed.
 *
 * @param {any} old
 * @param {any} value the new value; nobody else may use it, as it is changed
 */
export function share(old, value) {
  if (!isContainer(old) || !isContainer(value) || Array.isArray(old) !== Array.isArray(value)) {
    return value;
  }
  const keys = Object.keys(value);
  let isSame = keys.length === Object.keys(old).length;
  for (const key of keys) {
    const before = get(old, key);
    const shared = share(before, value[key]);
    if (shared !== value[key]) set(value, key, shared);
    isSame &&= shared === before && Object.hasOwn(old, key);
  }
  return isSame ? old : value;
}

/**
 * The path at which a value is probably being written: that of its last known member, if this is
 * a string. Other values are complete when they are shown, so then it is the path of the
 * container, also if nothing is known in it.
 *
 * @param {any} value
 * @param {Path} [path] of the value
 * @returns {Path}
 */
export function tip(value, path = []) {
  if (!isContainer(value)) return typeof value === 'string' ? path : path.slice(0, -1);
  const last = Array.isArray(value)
    ? value.length - 1
    : (Object.keys(value).findLast(key => isKnown(value[key])) ?? -1);
  return last === -1 ? path : tip(value[last], [...path, last]);
}

/**
 * Whether anything of a value has come.
 *
 * @param {any} value
 * @returns {boolean}
 */
export function isKnown(value) {
  if (!isContainer(value)) return value !== null;
  return Array.isArray(value) ? value.length > 0 : Object.values(value).some(isKnown);
}
