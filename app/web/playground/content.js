// How much content a value holds, and where: in characters, by lane.

const sizes = new WeakMap();

/** The characters of all that is known in a value. */
export function size(value) {
  if (value === null || value === undefined) return 0;
  if (typeof value !== 'object') return String(value).length;
  // What did not change is the same object, so each is counted once.
  if (!sizes.has(value)) {
    sizes.set(
      value,
      Object.values(value).reduce((sum, part) => sum + size(part), 0),
    );
  }
  return sizes.get(value);
}

/**
 * The characters of each lane: a field, of all elements together where the value is a list.
 * @returns {number[]} one for each of `lanes`
 */
export function laneSizes(value, lanes) {
  const parts = Array.isArray(value) ? value : [value];
  return lanes.map(lane => parts.reduce((sum, part) => sum + inLane(part, lane), 0));
}

function inLane(part, lane) {
  if (typeof part === 'object' && part !== null) return size(part[lane]);
  return lane === '' ? size(part) : 0;
}
