/**
 * The operations of the `delta` view: RFC 6902's `add` and `replace`, and `append`.
 *
 * Nothing is changed in place, and what an operation does not touch is not copied: an element
 * that stays as it was stays the same object.
 */
export type Path = (string | number)[];
export type Operation = {
    op: 'add' | 'replace' | 'append';
    /**
     * a JSON Pointer
     */
    path: string;
    value: any;
};
/** @typedef {(string | number)[]} Path keys and indices from the root; `[]` is all of it */
/**
 * @typedef {object} Operation
 * @property {'add' | 'replace' | 'append'} op
 * @property {string} path a JSON Pointer
 * @property {any} value
 */
/**
 * @param {any} value
 * @param {Operation[]} operations
 * @returns {{ value: any, open: Path }} the value that they make, and where it is being written
 */
export declare function apply(value: any, operations: Operation[]): {
    value: any;
    open: Path;
};
/**
 * A new value with all parts of the old one that are equal: `===` then tells what changed.
 *
 * @param {any} old
 * @param {any} value is nobody else's: is changed
 */
export declare function share(old: any, value: any): any;
/**
 * Where a value is being written, as far as it shows: at its last string that is known; what
 * is no string comes complete, so there, and where nothing is known, it is what is around.
 *
 * @param {any} value
 * @param {Path} [path] of the value
 * @returns {Path}
 */
export declare function tip(value: any, path?: Path): Path;
