import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bundle, launch, pages } from '../../support/browser.js';
import { counts, service, since } from '../../support/counts.js';

const ideas = `${service}/ideas`;
const ENDLESS = { model: 'demo-stall' };

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof pages>>} */
let site;
/** @type {import('playwright-core').Page} */
let page;
/** @type {string[]} */
let complaints;

beforeAll(async () => {
  [browser, site] = await Promise.all([
    launch(),
    bundle('react/tests/page.jsx').then(script => pages(script)),
  ]);
});
afterAll(async () => {
  await browser.close();
  site.close();
});
beforeEach(async () => {
  complaints = [];
  page = await browser.newPage();
  page.on('pageerror', error => complaints.push(error.message));
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(site.url);
});
afterEach(async () => {
  await page.close();
  expect(complaints).toEqual([]);
});

/**
 * @param {string} kind
 * @param {object} props
 */
async function mount(kind, props) {
  await page.evaluate(`page.mount(${JSON.stringify(kind)}, ${JSON.stringify(props)})`);
  if (kind === 'Reader') await until('page.hook');
}

const start = () => page.evaluate('page.start()');
/** @param {string} what */
const until = what => page.waitForFunction(what);
/** @returns {Promise<any>} */
const hook = () => page.evaluate('page.hook');
/** @returns {Promise<any[]>} */
const commits = () => page.evaluate('page.commits');

/** @param {{ started: number, cancelled: number, active: number }} since */
const isStopped = since => since.cancelled === 1 && since.active === 0;

describe('useStream', () => {
  test('shows a stream to its end, one render a frame', async () => {
    await mount('Reader', { url: ideas, options: { intervalMs: 0 } });
    expect(await hook()).toEqual({ isStreaming: false, attempt: 1, open: null });
    await start();
    await until('page.hook.final');
    expect(await page.evaluate('page.hook.value === page.hook.final')).toBe(true);
    const { final, value, ...rest } = await hook();
    expect(rest).toEqual({ isStreaming: false, attempt: 1, open: null });
    expect(final).toHaveLength(5);
    const shown = (await commits()).filter(({ value }) => value);
    expect(shown.length).toBeGreaterThan(5);
    expect(shown.filter(({ open }) => open).length).toBeGreaterThan(4);
    expect(new Set(shown.map(({ frame }) => frame)).size).toBe(shown.length);
  });

  test('renders an element only when it has changed', async () => {
    await mount('Reader', { url: ideas });
    await start();
    await until('page.hook.final');
    /** @type {string[][]} */
    const cards = await page.evaluate('page.cards');
    expect(cards).toHaveLength(5);
    for (const renders of cards) expect(new Set(renders).size).toBe(renders.length);
  });

  test('stops when told, and keeps what it has', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, options: ENDLESS });
    await start();
    await until('page.hook.value?.length');
    await page.evaluate('page.hook.stop()');
    await until('!page.hook.isStreaming');
    const { value, ...rest } = await hook();
    expect(value.length).toBeGreaterThan(0);
    expect(rest).toEqual({ isStreaming: false, attempt: 1, open: null });
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
    const { length } = await commits();
    await page.evaluate('new Promise(done => setTimeout(done, 300))'); // longer than a frame waits
    expect(await commits()).toHaveLength(length);
  });

  test('stops when it is unmounted', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, options: ENDLESS });
    await start();
    await until('page.hook.value?.length');
    await page.evaluate('page.unmount()');
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });

  test('stops when its URL changes', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, options: ENDLESS });
    await start();
    await until('page.hook.value?.length');
    await page.evaluate(`page.change({ url: ${JSON.stringify(`${service}/movies`)} })`);
    await until('!page.hook.isStreaming');
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });

  test('starts another in place of the one that runs', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, options: ENDLESS });
    await start();
    await until('page.hook.value?.length');
    await page.evaluate('page.change({ options: {} })');
    await start();
    await until('page.hook.final');
    expect(await since(before, isStopped)).toEqual({ started: 2, cancelled: 1, active: 0 });
    expect((await hook()).final).toHaveLength(5);
  });

  test('is safe in StrictMode, where effects run twice', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, begins: true, strict: true });
    await until('page.hook.final');
    const since_ = await since(before, ({ active }) => active === 0);
    expect(since_).toEqual({ started: 2, cancelled: 1, active: 0 });
    const { final, value, ...rest } = await hook();
    expect(rest).toEqual({ isStreaming: false, attempt: 1, open: null });
  });

  test('start and stop are the same from one render to the next', async () => {
    await mount('Reader', { url: ideas });
    await page.evaluate('Object.assign(window, { first: page.hook })');
    await start();
    await until('page.hook.final');
    expect(await page.evaluate('page.hook !== first')).toBe(true);
    expect(await page.evaluate('page.hook.start === first.start')).toBe(true);
    expect(await page.evaluate('page.hook.stop === first.stop')).toBe(true);
  });

  test('tells of another attempt, and of an error', async () => {
    await mount('Reader', { url: ideas, options: { model: 'demo-invalid' } });
    await start();
    await until('page.hook.final');
    expect((await hook()).attempt).toBe(2);
    await page.evaluate(`page.change({ options: { model: 'demo-truncated' } })`);
    await start();
    await until('page.hook.error');
    expect(await page.evaluate('page.hook.error.code')).toBe('output_truncated');
    const { value, error, ...rest } = await hook();
    expect(value.length).toBeGreaterThan(0);
    expect(rest).toEqual({ isStreaming: false, attempt: 1, open: null });
    await page.evaluate(`page.change({ options: {} })`);
    await start();
    await until('page.hook.final && !page.hook.error');
  });
});

describe('IdeaStream', () => {
  test('shows the ideas on the topic that was typed', async () => {
    await mount('IdeaStream', { url: ideas });
    await page.getByLabel('Topic').fill('healthy snacks');
    await page.getByRole('button').click();
    await page.getByText('Writing…').waitFor();
    await until('document.querySelector("[aria-busy=false]")');
    expect(await page.locator('article').count()).toBe(5);
    const texts = await page.locator('h3, article p').allTextContents();
    expect(texts.filter(text => text === '…')).toEqual([]);
    expect(await page.getByRole('button').textContent()).toBe('Suggest ideas');
  });

  test('says what is wrong', async () => {
    await mount('IdeaStream', { url: ideas });
    await page.getByRole('button').click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toMatch(/not valid/);
    complaints = complaints.filter(text => !/status of 422/.test(text)); // the browser's own line
  });
});
