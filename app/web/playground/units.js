// Numbers as people read them.

/** `0.42 s` as its number and its unit. */
export function seconds(value) {
  return value < 10 ? [value.toFixed(2), 's'] : [value.toFixed(1), 's'];
}

/** `12.3 KB` as its number and its unit. */
export function bytes(value) {
  return value < 1000 ? [String(value), 'B'] : [(value / 1000).toFixed(1), 'KB'];
}

/** `1 message`, `2 messages`. */
export function counted(count, noun) {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
