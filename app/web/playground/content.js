// Counts the characters of a value, also by the lanes of the timeline.

const sizes = new WeakMap();

/** The number of characters of all known parts of a value. */
export function size(value) {
  if (value === null || value === undefined) return 0;
  if (typeof value !== 'object') return String(value).length;
  // A part that did not change is the same object, so it is counted only once.
  if (!sizes.has(value)) {
    sizes.set(
      value,
      Object.values(value).reduce((sum, part) => sum + size(part), 0),
    );
  }
  return sizes.get(value);
}

/**
 * The characters of each lane. A lane is a field; if the value is a list, it sums up all elements.
 * @returns {number[]} one number for each of `lanes`
 */
export function laneSizes(value, lanes) {
  const parts = Array.isArray(value) ? value : [value];
  return lanes.map(lane => parts.reduce((sum, part) => sum + inLane(part, lane), 0));
}

function inLane(part, lane) {
  if (typeof part === 'object' && part !== null) return size(part[lane]);
  return lane === '' ? size(part) : 0;
}
