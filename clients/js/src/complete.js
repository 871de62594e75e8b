/**
 * Whether a field is finished: it is known, and it is not being written.
 *
 * @param {{ value: any, open: (string | number)[] | null }} state
 * @param {(string | number)[]} path
 */
export function complete({ value, open }, path) {
  for (const key of path) value = value?.[key];
  return value != null && !(open && path.every((key, at) => key === open[at]));
}
