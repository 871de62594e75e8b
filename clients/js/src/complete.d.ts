/**
 * Whether a field is finished: known, and not being written.
 *
 * @param {{ value: any, open: (string | number)[] | null }} state
 * @param {(string | number)[]} path
 */
export declare function complete({ value, open }: {
    value: any;
    open: (string | number)[] | null;
}, path: (string | number)[]): boolean;
