/** The newest state, for any number of readers: one that is slow finds what is newest then. */
/** @template T */
export declare class Latest<T> {
    #private;
    /** @type {T} */
    value: T;
    /** @param {T} value what is there to begin with, and is not told */
    constructor(value: T);
    /** @param {T} value */
    set(value: T): void;
    end(): void;
    /** Each value that is the newest when the reader is ready for it. */
    read(): AsyncGenerator<Awaited<T>, void, unknown>;
}
