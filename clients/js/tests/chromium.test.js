import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { counts, service, since } from '../../support/counts.js';
import { inPage } from '../../support/page.js';
import { Proxy } from '../../support/proxy.js';

const path = resolve(import.meta.dirname, 'page.js');
const shown = inPage(() => readFile(path)); // of another origin than the service

/**
 * @param {string} url
 * @param {object} [options]
 */
const begin = (url, options = {}) =>
  shown.page.evaluate(`void reader.begin(${JSON.stringify(url)}, ${JSON.stringify(options)})`);
const begun = () => shown.page.waitForFunction('reader.states.some(({ value }) => value?.length)');
/** @returns {Promise<any>} */
const end = async () => (await shown.page.waitForFunction('reader.end')).jsonValue();

const ENDLESS = { model: 'demo-stall' };
/** @param {{ started: number, cancelled: number, active: number }} since */
const isStopped = since => since.cancelled === 1 && since.active === 0;

describe('in Chromium', () => {
  test('a stream is read to its end', async () => {
    await begin(`${service}/ideas`);
    const { final } = await end();
    expect(final).toHaveLength(8);
    /** @type {unknown[]} */
    const states = await shown.page.evaluate('reader.states');
    expect(states.at(-1)).toEqual({ value: final, open: null, writing: null, attempt: 1 });
  });

  test('a connection that is killed is come back to, and paid for once', async () => {
    const [before, between] = [await counts(), await new Proxy(service).open()];
    try {
      between.limits = [1500];
      await begin(`${between.url}/ideas`, { retryMs: 1 });
      expect((await end()).final).toHaveLength(8);
      expect(between.connections).toBeGreaterThan(1);
      expect((await since(before, () => true)).started).toBe(1);
    } finally {
      between.close();
    }
  });

  test('leaving the page stops the stream', async () => {
    const before = await counts();
    await begin(`${service}/ideas`, ENDLESS);
    await begun();
    await shown.page.goto('about:blank');
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });

  test('the signal stops the stream', async () => {
    const before = await counts();
    await begin(`${service}/ideas`, ENDLESS);
    await begun();
    await shown.page.evaluate('reader.controller.abort()');
    expect(await end()).toMatchObject({ name: 'AbortError', code: 20 });
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });

  test('an error has its code', async () => {
    await begin(`${service}/ideas`, { model: 'demo-truncated' });
    expect(await end()).toMatchObject({ name: 'StreamError', code: 'output_truncated' });
  });
});
