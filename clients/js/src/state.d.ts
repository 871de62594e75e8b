/** What a reader knows, and how the server's events change it. */
export type Path = import('./patch.js').Path;
export type Restart = {
    /**
     * the one that begins
     */
    attempt: number;
    code: string;
    errors: import('./error.js').Flaw[];
};
export type State<Value = any> = {
    /**
     * what is known so far; undefined where nothing is: the
     * stream has not begun, or it has begun again
     */
    value: Value | undefined;
    /**
     * the path that is being written; null once all is there
     */
    open: Path | null;
    attempt: number;
    /**
     * of the attempt, if it isn't the first
     */
    restart?: Restart;
};
/** @typedef {import('./patch.js').Path} Path */
/**
 * @typedef {object} Restart why an answer was begun again
 * @property {number} attempt the one that begins
 * @property {string} code
 * @property {import('./error.js').Flaw[]} errors
 */
/**
 * @template [Value=any]
 * @typedef {object} State
 * @property {Value | undefined} value what is known so far; undefined where nothing is: the
 *   stream has not begun, or it has begun again
 * @property {Path | null} open the path that is being written; null once all is there
 * @property {number} attempt
 * @property {Restart} [restart] of the attempt, if it isn't the first
 */
/** @type {State} */
export declare const UNKNOWN: State;
/**
 * @param {State} state
 * @param {string} event the type
 * @param {any} data
 * @returns {State} the same one where the event does not change it
 */
export declare function reduce(state: State, event: string, data: any): State;
