/** One connection: what arrives on it, until it ends, breaks, or is silent for too long. */
export type Handling = {
    silenceMs: number;
    /**
     * aborted, it is over
     */
    line: AbortController;
    onOpen: () => void;
    onRetry: (ms: number) => void;
};
/**
 * @typedef {object} Handling
 * @property {number} silenceMs
 * @property {AbortController} line aborted, it is over
 * @property {() => void} onOpen
 * @property {(ms: number) => void} onRetry
 */
/**
 * @param {(signal: AbortSignal) => Promise<Response>} open
 * @param {Handling} handling
 * @returns {AsyncGenerator<import('./events.js').ServerEvent, void>}
 * @throws {import('./error.js').StreamError} where it was refused, broke or can't be read
 */
export declare function connect(open: (signal: AbortSignal) => Promise<Response>, { silenceMs, line, onOpen, onRetry }: Handling): AsyncGenerator<import('./events.js').ServerEvent, void>;
