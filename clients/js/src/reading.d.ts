/** The reading of one stream: its connections, one after the other, and how it ends. */
export declare class Reading {
    #private;
    /** @type {Promise<any>} */
    final: Promise<any>;
    /**
     * @param {import('./call.js').Call} call
     * @param {import('./call.js').Options} options
     * @param {boolean} keep
     */
    constructor(call: import('./call.js').Call, options: import('./call.js').Options, keep: boolean);
    get url(): string | undefined;
    [Symbol.asyncIterator](): AsyncGenerator<import("./state.js").State<any>, void, unknown>;
}
