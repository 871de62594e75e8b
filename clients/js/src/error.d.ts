/**
 * @typedef {object} Flaw
 * @property {string} path a JSON Pointer
 * @property {string} message
 */
export type Flaw = {
    /**
     * a JSON Pointer
     */
    path: string;
    message: string;
};
/** A stream that was refused, failed, or was lost. */
export declare class StreamError extends Error {
    /**
     * What went wrong: one of the service's codes, or `connection_lost` (it could not be reached,
     * or not again) and `unexpected_response` (what it sent can't be read).
     *
     * @type {string}
     */
    code: string;
    /**
     * Whether the same request may succeed later.
     *
     * @type {boolean}
     */
    retryable: boolean;
    /**
     * The HTTP status, where the request was refused.
     *
     * @type {number | undefined}
     */
    status: number | undefined;
    /**
     * The service's name for the request: what to ask its operator about.
     *
     * @type {string | undefined}
     */
    requestId: string | undefined;
    /**
     * Seconds after which to try again, where the service has said.
     *
     * @type {number | undefined}
     */
    retryAfter: number | undefined;
    /**
     * What is wrong with the request, or with the model's answer.
     *
     * @type {Flaw[]}
     */
    errors: Flaw[];
    /**
     * @param {string} message
     * @param {Partial<StreamError> & { code: string }} about
     */
    constructor(message: string, about: Partial<StreamError> & {
        code: string;
    });
}
/**
 * @param {Partial<StreamError>} [about]
 */
export declare const lost: (about?: Partial<StreamError>) => StreamError;
/**
 * @param {Partial<StreamError>} [about]
 */
export declare const unexpected: (about?: Partial<StreamError>) => StreamError;
/**
 * The error of an `error` event.
 *
 * @param {any} data
 */
export declare const failed: ({ error, code, retryable, request_id, retry_after, errors }: any) => StreamError;
/**
 * The error of a response that is no stream.
 *
 * @param {Response} response
 */
export declare function refused(response: Response): Promise<StreamError>;
