import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventParser } from '../src/events.js';

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);

/** @param {Uint8Array[]} pieces */
function read(...pieces) {
  const parser = new EventParser();
  return pieces.flatMap(piece => parser.feed(piece));
}

/** @param {string} text */
const data = text => read(bytes(text)).map(event => event.data);

/**
 * @param {string} data
 * @param {string} [event]
 * @param {string} [id]
 */
const one = (data, event = 'message', id = '') => ({ event, data, id });

describe('the examples of the standard', () => {
  test('data of several lines', () => {
    const stream = 'data: YHOO\ndata: +2\ndata: 10\n\n';
    expect(read(bytes(stream))).toEqual([one('YHOO\n+2\n10')]);
  });

  test('a comment, ids, and one space that is dropped', () => {
    const stream =
      ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n';
    expect(read(bytes(stream))).toEqual([one('first event', 'message', '1'), one('second event')]);
    expect(data(`${stream}\n`).at(-1)).toBe(' third event');
  });

  test('empty data, and a block that has not ended', () => {
    expect(data('data\n\ndata\ndata\n\ndata:')).toEqual(['', '\n']);
  });

  test('two events that are the same', () => {
    expect(data('data:test\n\ndata: test\n\n')).toEqual(['test', 'test']);
  });

  test('types', () => {
    const stream = 'event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\ndata: 1\n\n';
    expect(read(bytes(stream))).toEqual([one('73857293', 'add'), one('2153', 'remove'), one('1')]);
  });
});

describe('the rules of the standard', () => {
  test.each(['\n', '\r', '\r\n'])('lines may end in %j', end => {
    const stream = ['event: a', 'data: 1', 'data: 2', '', 'data: 3', '', ''].join(end);
    expect(read(bytes(stream))).toEqual([one('1\n2', 'a'), one('3')]);
  });

  test('a carriage return ends a line though a line feed may follow', () => {
    expect(read(bytes('data: 1\r\r'))).toEqual([one('1')]);
    expect(read(bytes('data: 1\r\n\r'), bytes('\ndata: 2\n'), bytes('\n'))).toEqual([
      one('1'),
      one('2'),
    ]);
  });

  test('other ends of lines are text', () => {
    const text = '\u2028\u2029\u0085\v\f\0';
    expect(data(`data: ${text}\n\n`)).toEqual([text]);
  });

  test('one byte order mark is dropped, at the start alone', () => {
    expect(data('\ufeffdata: 1\n\n\ufeffdata: 2\n\n')).toEqual(['1']);
    expect(data('\ufeff\ufeffdata: 1\n\n')).toEqual([]);
  });

  test('a type without data is forgotten', () => {
    expect(read(bytes('event: a\n\ndata: 1\n\n'))).toEqual([one('1')]);
  });

  test('an id stays, and may come without data, but not with a NUL', () => {
    expect(read(bytes('id: 7\n\ndata: 1\n\nid: 8\0\ndata: 2\n\nid\ndata: 3\n\n'))).toEqual([
      one('1', 'message', '7'),
      one('2', 'message', '7'),
      one('3'),
    ]);
  });

  test('fields that are unknown, or written otherwise, are ignored', () => {
    expect(data('Data: 1\ndata : 2\n data: 3\nfoo\n:data: 4\ndata: 5\n\n')).toEqual(['5']);
  });

  test('a time to come back is digits', () => {
    const parser = new EventParser();
    parser.feed(bytes('retry: 1e3\nretry:\nretry: -1\nretry: 10 \n'));
    expect(parser.retry).toBeUndefined();
    parser.feed(bytes('retry: 2000\n'));
    expect(parser.retry).toBe(2000);
  });

  test('bytes may be cut inside a character', () => {
    const [first, ...rest] = bytes('data: 😀é\n\n');
    expect(read(Uint8Array.of(first), ...rest.map(byte => Uint8Array.of(byte)))).toEqual([
      one('😀é'),
    ]);
  });

  test('an event has a bound, a stream has none', () => {
    const parser = new EventParser();
    const piece = bytes('x'.repeat(1 << 20));
    const feed = () => Array.from({ length: 20 }, () => parser.feed(piece));
    parser.feed(bytes('data: '));
    expect(feed).toThrow(RangeError);
    const other = new EventParser();
    const event = bytes(`data: ${'x'.repeat(1 << 20)}\n\n`);
    for (let count = 0; count < 20; count++) expect(other.feed(event)).toHaveLength(1);
    expect(() =>
      Array.from({ length: 20 }, () => other.feed(bytes(`data: ${'x'.repeat(1 << 20)}\n`))),
    ).toThrow(RangeError);
  });
});

describe('beside eventsource-parser', () => {
  const word = fc.constantFrom(
    'data',
    'data: ',
    'data:',
    'event: a',
    'event:',
    'id: 1',
    'id',
    'retry: 5',
    ':',
    ': c',
    ' ',
    'x',
    '😀',
    'é',
    '{"a":1}',
    '\u2028',
    '\n',
    '\n',
    '\n\n',
    '\r\n',
    '\r\n\r\n',
    'foo: 1',
  );
  const stream = fc.array(word, { maxLength: 60 }).map(words => words.join(''));
  const cuts = fc.array(fc.nat(300), { maxLength: 20 });

  /**
   * @param {Uint8Array} whole
   * @param {number[]} places
   */
  function cut(whole, places) {
    const ends = [...new Set(places)].sort((a, b) => a - b);
    return [...ends, whole.length].map((end, at) => whole.subarray(at ? ends[at - 1] : 0, end));
  }

  /** @param {string} text */
  function theirs(text) {
    /** @type {import('eventsource-parser').EventSourceMessage[]} */
    const events = [];
    createParser({ onEvent: event => events.push(event) }).feed(text);
    return events;
  }

  test('the events are the same, wherever a stream is cut', () => {
    fc.assert(
      fc.property(stream, cuts, (text, places) => {
        const found = read(...cut(bytes(text), places));
        const expected = theirs(text).map(({ data, event }) => ({
          data,
          event: event ?? 'message',
        }));
        expect(found.map(({ data, event }) => ({ data, event }))).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test('the ids are the same', () => {
    const block = fc.constantFrom(
      'id: 1\ndata: 1\n\n',
      'id\ndata: 2\n\n',
      'data: 3\n\n',
      'id: 2\0\ndata\n\n',
    );
    fc.assert(
      fc.property(
        fc.array(block).map(blocks => blocks.join('')),
        cuts,
        (text, places) => {
          let id = '';
          const expected = theirs(text).map(event => (id = event.id ?? id));
          expect(read(...cut(bytes(text), places)).map(event => event.id)).toEqual(expected);
        },
      ),
    );
  });

  test('carriage returns alone, which it reads only where the text goes on', () => {
    fc.assert(
      fc.property(stream, cuts, (text, places) => {
        const returns = text.replaceAll('\r\n', '\n').replaceAll('\n', '\r');
        const lines = text.replaceAll('\r\n', '\n');
        expect(read(...cut(bytes(returns), places))).toEqual(read(bytes(lines)));
      }),
      { numRuns: 300 },
    );
  });
});
