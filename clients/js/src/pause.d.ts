/** When to call again. */
/**
 * Milliseconds after which to call again; undefined where that would be no use.
 *
 * What the service has refused after trying for itself (`provider_…`) is the caller's to repeat.
 *
 * @param {unknown} error
 * @param {number} usual milliseconds, where nobody has said how long
 */
export declare function pause(error: unknown, usual: number): number | undefined;
/**
 * @param {number} ms
 * @param {AbortSignal} signal ends it early
 * @returns {Promise<void>}
 */
export declare function wait(ms: number, signal: AbortSignal): Promise<void>;
