/** A page in Chromium, a new one for each test of a file; a page that complains fails its test. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { connect, pages } from './browser.js';

/**
 * @param {() => Promise<string | Buffer>} script of the page
 * @returns {{ page: import('playwright-core').Page }} the page of the test that runs
 */
export function inPage(script) {
  /** @type {import('playwright-core').Browser | undefined} */
  let browser;
  /** @type {Awaited<ReturnType<typeof pages>> | undefined} */
  let site;
  /** @type {string[]} */
  let complaints;
  const shown = { page: /** @type {any} */ (null) };

  beforeAll(async () => {
    site = await pages(await script());
    browser = await connect();
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });
  beforeEach(async () => {
    complaints = [];
    shown.page = await browser?.newPage();
    shown.page.on('pageerror', (/** @type {Error} */ { message }) => complaints.push(message));
    shown.page.on('console', (/** @type {import('playwright-core').ConsoleMessage} */ message) => {
      const isBad = ['error', 'warning'].includes(message.type());
      if (isBad && !/Failed to load resource/.test(message.text())) {
        complaints.push(message.text());
      }
    });
    await shown.page.goto(site?.url);
  });
  afterEach(async () => {
    await shown.page.close();
    expect(complaints).toEqual([]);
  });
  return shown;
}
