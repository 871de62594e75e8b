/** A page in Chromium, loaded anew for each test of a file; one that complains fails its test. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { connect, pages } from './browser.js';

/**
 * @param {() => Promise<string | Buffer>} script of the page
 * @returns {{ page: import('playwright-core').Page }}
 */
export function inPage(script) {
  /** @type {import('playwright-core').Browser | undefined} */
  let browser;
  /** @type {Awaited<ReturnType<typeof pages>> | undefined} */
  let site;
  /** @type {string[]} */
  const complaints = [];
  const shown = { page: /** @type {any} */ (null) };

  /** @param {import('playwright-core').ConsoleMessage} message */
  function note(message) {
    const isBad = ['error', 'warning'].includes(message.type());
    // A refused request is no fault of the page's, and has a line from the browser.
    if (isBad && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  }

  beforeAll(async () => {
    site = await pages(await script());
    browser = await connect();
    shown.page = await browser.newPage();
    shown.page.on('pageerror', (/** @type {Error} */ error) => complaints.push(error.message));
    shown.page.on('console', note);
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });
  beforeEach(() => shown.page.goto(site?.url));
  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });
  return shown;
}
