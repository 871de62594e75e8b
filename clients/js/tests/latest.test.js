import { expect, test } from 'vitest';
import { Latest } from '../src/latest.js';

test('a reader that is slow finds the newest, and none that came before', async () => {
  const latest = new Latest(0);
  const reader = latest.read();
  const first = reader.next();
  latest.set(1);
  expect((await first).value).toBe(1);
  for (let value = 2; value <= 1000; value++) latest.set(value);
  expect((await reader.next()).value).toBe(1000);
  latest.set(1001);
  latest.end();
  expect((await reader.next()).value).toBe(1001);
  expect((await reader.next()).done).toBe(true);
});

test('a reader that is late finds the newest, if there has been one', async () => {
  const latest = new Latest(0);
  latest.set(1);
  latest.end();
  const values = [];
  for await (const value of latest.read()) values.push(value);
  expect(values).toEqual([1]);
  const none = new Latest(0);
  none.end();
  expect((await none.read().next()).done).toBe(true);
});

test('readers do not take from each other', async () => {
  const latest = new Latest(0);
  const readers = [latest.read(), latest.read()];
  const waiting = readers.map(reader => reader.next());
  latest.set(1);
  expect((await Promise.all(waiting)).map(({ value }) => value)).toEqual([1, 1]);
});
