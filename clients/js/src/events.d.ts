/**
 * Server-sent events out of bytes, as the HTML standard reads them.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export type ServerEvent = {
    /**
     * its type: `message` where the server gave none
     */
    event: string;
    data: string;
    /**
     * the last event id: this event's, or that of one before
     */
    id: string;
};
/** `feed` takes the bytes of one response, cut anywhere, and gives the events they complete. */
export declare class EventParser {
    #private;
    /** Milliseconds to wait before coming back, if the server has said. */
    retry: number | undefined;
    /**
     * @param {Uint8Array} bytes
     * @returns {ServerEvent[]}
     * @throws {RangeError} for an event without end
     */
    feed(bytes: Uint8Array): ServerEvent[];
}
