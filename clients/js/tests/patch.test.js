import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apply, share, tip } from '../src/patch.js';

/** @typedef {import('../src/patch.js').Operation} Operation */

/**
 * @param {Operation['op']} op
 * @param {string} path
 * @param {any} value
 * @returns {Operation}
 */
const operation = (op, path, value) => ({ op, path, value });

/**
 * A value that throws where it is changed.
 *
 * @param {any} value
 * @returns {any}
 */
function frozen(value) {
  if (typeof value === 'object' && value) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

/**
 * @param {any} value
 * @param {...Operation} operations
 */
const applied = (value, ...operations) => apply(frozen(value), operations).value;

describe('operations', () => {
  test('replace, add and append', () => {
    expect(applied(undefined, operation('replace', '', { a: null }))).toEqual({ a: null });
    expect(applied({ a: null }, operation('replace', '/a', 'x'))).toEqual({ a: 'x' });
    expect(applied({ a: 'x' }, operation('append', '/a', 'y'))).toEqual({ a: 'xy' });
    expect(applied({}, operation('add', '/a', [1]))).toEqual({ a: [1] });
    expect(applied([1, 3], operation('add', '/1', 2))).toEqual([1, 2, 3]);
    expect(applied('x', operation('append', '', 'y'))).toBe('xy');
  });

  test('one after the other, in one patch', () => {
    const value = applied(
      { items: [{ title: 'a' }] },
      operation('append', '/items/0/title', 'b'),
      operation('add', '/items/1', { title: null }),
      operation('replace', '/items/1/title', 'c'),
      operation('append', '/items/1/title', 'd'),
    );
    expect(value).toEqual({ items: [{ title: 'ab' }, { title: 'cd' }] });
  });

  test('keys may hold slashes, tildes, and what is special to JavaScript', () => {
    expect(applied({}, operation('add', '/a~1b~0c~01', 1))).toEqual({ 'a/b~c~1': 1 });
    const value = applied(
      {},
      operation('add', '/__proto__', { x: 'a' }),
      operation('append', '/__proto__/x', 'b'),
    );
    expect(JSON.stringify(value)).toBe('{"__proto__":{"x":"ab"}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(/** @type {any} */ ({}).x).toBeUndefined();
    expect(applied({}, operation('add', '/', 1))).toEqual({ '': 1 });
  });

  test('one that leads nowhere is an error', () => {
    for (const path of ['/a/b', '/0/b']) {
      expect(() => apply(undefined, [operation('replace', path, 1)])).toThrow(TypeError);
      expect(() => apply({ a: 'x' }, [operation('replace', path, 1)])).toThrow(TypeError);
    }
    expect(() => apply({}, [operation('add', '/constructor/prototype/x', 1)])).toThrow(TypeError);
  });

  const key = fc.constantFrom('a', 'b', '', '__proto__', '0', 'a/~b');
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.constant(null));
  const json = fc.letrec(tie => ({
    any: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('any')),
      fc.dictionary(key, tie('any')),
    ),
  })).any;

  test('as if all had been parsed anew, and nothing that was there is changed', () => {
    const change = fc.record({ way: fc.array(fc.nat(5), { maxLength: 4 }), value: json });
    fc.assert(
      fc.property(json, fc.array(change, { maxLength: 8 }), (value, changes) => {
        const before = JSON.stringify(value);
        const expected = { root: JSON.parse(before) };
        const operations = changes.map(({ way, value }) => changed(expected, way, value));
        const found = apply(frozen(JSON.parse(before)), JSON.parse(JSON.stringify(operations)));
        expect(JSON.stringify(found.value)).toBe(JSON.stringify(expected.root));
      }),
      { numRuns: 500 },
    );
  });

  /**
   * Change a value in place, somewhere, and give the operation that does the same.
   *
   * @param {{ root: any }} holder
   * @param {number[]} way
   * @param {any} value
   * @returns {Operation}
   */
  function changed(holder, way, value) {
    /** @type {any} */
    let container = holder;
    let name = 'root';
    let path = '';
    for (const step of way) {
      const inside = container[name];
      if (typeof inside !== 'object' || !inside || !Object.keys(inside).length) break;
      container = inside;
      name = Object.keys(inside)[step % Object.keys(inside).length];
      path += `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    }
    if (Array.isArray(container[name])) {
      container[name].push(structuredClone(value));
      return operation('add', `${path}/${container[name].length - 1}`, value);
    }
    if (typeof container[name] === 'string') {
      container[name] += 'more';
      return operation('append', path, 'more');
    }
    container[name] = structuredClone(value);
    return operation('replace', path, value);
  }
});

describe('what has not changed', () => {
  const before = frozen([
    { title: 'a', tags: ['x'] },
    { title: 'b', tags: ['y'] },
  ]);

  test('stays the same object beside an operation', () => {
    const after = applied(before, operation('append', '/1/title', 'c'));
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(after[1].tags).toBe(before[1].tags);
  });

  test('stays the same object inside a replacement', () => {
    const value = JSON.parse('[{"title":"a","tags":["x"]},{"title":"b","tags":["y","z"]}]');
    const after = applied(before, operation('replace', '', value));
    expect(after[0]).toBe(before[0]);
    expect(after[1].tags).toEqual(['y', 'z']);
    expect(applied(before, operation('replace', '', structuredClone(before)))).toBe(before);
  });

  test('is not what only looks alike', () => {
    expect(share([], {})).toEqual({});
    expect(share({ a: 1 }, { b: 1 })).toEqual({ b: 1 });
    expect(share({ a: undefined }, { b: undefined })).toEqual({ b: undefined });
    expect(share([1, 2], [1])).toEqual([1]);
    expect(share({}, JSON.parse('{"__proto__":{}}'))).not.toBe(Object.prototype);
    expect(share(1, null)).toBeNull();
  });

  test('a container is copied once a patch, however many operations are in it', () => {
    let copies = 0;
    const list = new Proxy(/** @type {number[]} */ ([]), {
      get(target, key) {
        if (key === Symbol.iterator) copies++;
        return Reflect.get(target, key);
      },
    });
    const operations = [0, 1, 2].map(at => operation('add', `/list/${at}`, at));
    expect(apply({ list }, operations).value).toEqual({ list: [0, 1, 2] });
    expect(copies).toBe(1);
  });
});

describe('the place that is being written', () => {
  test.each([
    ['a string that grows', [operation('append', '/0/a', 'x')], [0, 'a']],
    ['a string that has begun', [operation('replace', '/0/a', 'x')], [0, 'a']],
    ['around a number, which is complete', [operation('replace', '/0/a', 1)], [0]],
    [
      'the last of several',
      [operation('append', '/0/a', 'x'), operation('add', '/1', { a: null })],
      [1],
    ],
  ])('is %s', (_, operations, open) => {
    expect(apply([{ a: 'y' }], operations).open).toEqual(open);
  });

  test.each([
    [null, []],
    ['x', []],
    [[], []],
    [[{ a: null, b: null }], [0]],
    [[{ a: 'x', b: null }], [0, 'a']],
    [[{ a: 'x', b: 1 }], [0]],
    [{ a: 'x', list: [], b: { c: null } }, ['a']],
    [{ a: 'x', list: [{ c: null }], b: null }, ['list', 0]],
    [{ a: 'x', b: { c: 'y' } }, ['b', 'c']],
    [{ list: ['x', 'y'] }, ['list', 1]],
  ])('is found in %j', (value, open) => {
    expect(tip(value)).toEqual(open);
  });
});
