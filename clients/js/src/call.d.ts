/** The calls of one stream: to begin it, to come back to it, to be rid of it. */
export type Options = {
    /**
     * stops reading, and the stream with it
     */
    signal?: AbortSignal;
    /**
     * such as `Authorization`
     */
    headers?: HeadersInit;
    credentials?: RequestCredentials;
    /**
     * `delta` by default
     */
    view?: 'delta' | 'snapshot' | 'items';
    /**
     * at least between two messages
     */
    intervalMs?: number;
    /**
     * one of those that the service offers
     */
    model?: string;
    /**
     * names the request, so that it is paid for once; default:
     * a random one
     */
    idempotencyKey?: string;
    /**
     * whether the stream may go on when its reader stops; default: only
     * one that this reader has not begun
     */
    keep?: boolean;
    /**
     * times to come back in a row, with nothing new in between (5)
     */
    retries?: number;
    /**
     * before the first of them; default: what the server says
     */
    retryMs?: number;
    /**
     * after which a connection counts as lost (45000); the server
     * is never silent for more than 15 seconds
     */
    silenceMs?: number;
    /**
     * sees all events
     */
    onEvent?: (event: import('./events.js').ServerEvent) => void;
    fetch?: typeof fetch;
};
/**
 * @typedef {object} Options
 * @property {AbortSignal} [signal] stops reading, and the stream with it
 * @property {HeadersInit} [headers] such as `Authorization`
 * @property {RequestCredentials} [credentials]
 * @property {'delta' | 'snapshot' | 'items'} [view] `delta` by default
 * @property {number} [intervalMs] at least between two messages
 * @property {string} [model] one of those that the service offers
 * @property {string} [idempotencyKey] names the request, so that it is paid for once; default:
 *   a random one
 * @property {boolean} [keep] whether the stream may go on when its reader stops; default: only
 *   one that this reader has not begun
 * @property {number} [retries] times to come back in a row, with nothing new in between (5)
 * @property {number} [retryMs] before the first of them; default: what the server says
 * @property {number} [silenceMs] after which a connection counts as lost (45000); the server
 *   is never silent for more than 15 seconds
 * @property {(event: import('./events.js').ServerEvent) => void} [onEvent] sees all events
 * @property {typeof fetch} [fetch]
 */
export declare class Call {
    #private;
    /**
     * The stream's own URL, once it is known.
     *
     * @type {URL | undefined}
     */
    url: URL | undefined;
    /**
     * @param {string | URL} endpoint
     * @param {object | null} [params] nothing to attach to a stream, whose URL is the endpoint
     * @param {Options} [options]
     * @throws {TypeError} for what is no URL, or no JSON
     */
    constructor(endpoint: string | URL, params?: object | null, options?: Options);
    /**
     * Begin the stream, or, where it is known, read on. (Begun twice with the same key, it is
     * one stream, and is paid for once.)
     *
     * @param {string} after the id of the last event that was read
     * @param {AbortSignal} signal
     */
    open(after: string, signal: AbortSignal): Promise<Response>;
    /**
     * Learn the stream's id. It is read on beside the endpoint, where a proxy that changes paths
     * leads to the same service, whatever path the service knows itself by.
     *
     * @param {string} [id]
     */
    found(id?: string): void;
    /** Cancel the stream: the service stops paying for it. Goes out even if the page is left. */
    forget(): void;
}
