// JSON Pointers: https://www.rfc-editor.org/rfc/rfc6901

/** The parts of a pointer: `/0/a~1b` is `["0", "a/b"]`. */
export function parts(pointer) {
  return pointer
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
