// What differs between two values of a stream.

/**
 * The paths of all scalars that are new or other than before. Parts that are the same object are not
 * looked at.
 * @returns {(string|number)[][]}
 */
export function changes(before, after, path = []) {
  if (before === after || after === null || after === undefined) return [];
  if (typeof after !== 'object') return [path];
  const keys = Array.isArray(after) ? after.keys() : Object.keys(after);
  return [...keys].flatMap(key => changes(before?.[key], after[key], [...path, key]));
}
