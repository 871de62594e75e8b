import { describe, expect, test } from 'vitest';
import { bundle } from '../../support/browser.js';
import { counts, service, since } from '../../support/counts.js';
import { inPage } from '../../support/page.js';

const ideas = `${service}/ideas`;
const ENDLESS = { model: 'demo-stall' };
const IDLE = { isStreaming: false, attempt: 1, open: null, writing: null };

const shown = inPage(() => bundle('react/tests/page.jsx'));

/**
 * @param {string} kind
 * @param {object} props
 */
async function mount(kind, props) {
  await shown.page.evaluate(`page.mount(${JSON.stringify(kind)}, ${JSON.stringify(props)})`);
  if (kind === 'Reader') await until('page.hook');
}

const start = () => shown.page.evaluate('page.start()');
/** @param {string} what */
const until = what => shown.page.waitForFunction(what, undefined, { polling: 20 });
/** @returns {Promise<any>} */
const hook = () => shown.page.evaluate('page.hook');
/** @returns {Promise<any[]>} */
const commits = () => shown.page.evaluate('page.commits');

/** @param {{ started: number, cancelled: number, active: number }} since */
const isStopped = since => since.cancelled === 1 && since.active === 0;

describe('useStream', () => {
  test('shows a stream to its end: one render a frame, and of what has changed', async () => {
    await mount('Reader', { url: ideas, options: { intervalMs: 0 } });
    expect(await hook()).toEqual(IDLE);
    await shown.page.evaluate('Object.assign(window, { first: page.hook })');
    await start();
    await until('page.hook.final');
    expect(await shown.page.evaluate('page.hook.value === page.hook.final')).toBe(true);
    const { final, value, ...rest } = await hook();
    expect(rest).toEqual(IDLE);
    expect(final).toHaveLength(5);
    const grown = (await commits()).filter(({ value }) => value);
    expect(grown.filter(({ open }) => open).length).toBeGreaterThan(0);
    expect(new Set(grown.map(({ frame }) => frame)).size).toBe(grown.length);
    /** @type {string[][]} the elements, each time that they were rendered */
    const cards = await shown.page.evaluate('page.cards');
    expect(await shown.page.evaluate('page.hook.isComplete("/4/blurb")')).toBe(true);
    expect(cards).toHaveLength(5);
    for (const renders of cards) expect(new Set(renders).size).toBe(renders.length);
    expect(await shown.page.evaluate('page.hook !== first')).toBe(true);
    expect(await shown.page.evaluate('page.hook.start === first.start')).toBe(true);
    expect(await shown.page.evaluate('page.hook.stop === first.stop')).toBe(true);
  });

  test('shows what the model reasons, before the value and beside it', async () => {
    const options = { model: 'demo-thinks', reasoning: true };
    await mount('Reader', { url: ideas, options });
    await start();
    await until('page.hook.reasoning');
    await until('page.hook.final');
    expect((await hook()).reasoning).toMatch(/^The topic is “tea”[^]*Now I write it down\.$/);
    const before = (await commits()).filter(({ value, reasoning }) => !value && reasoning);
    expect(before.length).toBeGreaterThan(0);
  });

  test('renders once in a frame that takes long', async () => {
    await shown.page.evaluate(() => {
      const calls = /** @type {FrameRequestCallback[]} */ ([]);
      window.requestAnimationFrame = call => calls.push(call);
      setInterval(() => calls.splice(0).forEach(call => call(performance.now())), 600);
    });
    await mount('Reader', { url: ideas, options: { intervalMs: 0 } });
    await start();
    await until('page.hook.final');
    const grown = (await commits()).filter(({ value }) => value);
    expect(new Set(grown.map(({ frame }) => frame)).size).toBe(grown.length);
  });

  test('goes on in a page that is hidden, where no frames are drawn', async () => {
    await shown.page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true });
      window.requestAnimationFrame = () => 0;
    });
    await mount('Reader', { url: ideas, options: { intervalMs: 0 } });
    await start();
    await until('page.hook.final');
    expect((await hook()).final).toHaveLength(5);
  });

  test('stops when told, and keeps what it has', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, options: ENDLESS });
    await start();
    // At once, since a moment later it may be finished.
    await until('(page.written = page.hook.writing) && (page.hook.stop(), true)');
    const writing = await shown.page.evaluate('page.written');
    expect(writing).toMatch(/^\/\d\/(title|blurb)$/);
    await until('!page.hook.isStreaming');
    expect(await shown.page.evaluate(`page.hook.isComplete(${JSON.stringify(writing)})`)).toBe(
      false,
    );
    const { value, ...rest } = await hook();
    expect(value.length).toBeGreaterThan(0);
    expect(rest).toEqual(IDLE);
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
    const { length } = await commits();
    await shown.page.evaluate(
      'new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
    expect(await commits()).toHaveLength(length);
  });

  test('stops when it is unmounted', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, options: ENDLESS });
    await start();
    await until('page.hook.value?.length');
    await shown.page.evaluate('page.unmount()');
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });

  test('stops when its URL changes', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, options: ENDLESS });
    await start();
    await until('page.hook.value?.length');
    await shown.page.evaluate(`page.change({ url: ${JSON.stringify(`${service}/movies`)} })`);
    await until('!page.hook.isStreaming');
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });

  test('starts another in place of the one that runs', async () => {
    const before = await counts();
    await mount('Reader', { url: ideas, options: ENDLESS });
    await start();
    await until('page.hook.value?.length');
    await shown.page.evaluate('page.change({ options: {} })');
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
    expect(rest).toEqual(IDLE);
  });

  test('tells of another attempt, and of an error', async () => {
    await mount('Reader', { url: ideas, options: { model: 'demo-invalid' } });
    await start();
    await until('page.hook.final');
    expect((await hook()).attempt).toBe(2);
    await shown.page.evaluate(`page.change({ options: { model: 'demo-truncated' } })`);
    await start();
    await until('page.hook.error');
    expect(await shown.page.evaluate('page.hook.error.code')).toBe('output_truncated');
    const { value, error, ...rest } = await hook();
    expect(value.length).toBeGreaterThan(0);
    // As long as each answer brings an element, the list is continued.
    expect(rest.attempt).toBeGreaterThan(1);
    expect(rest).toEqual({ ...IDLE, attempt: rest.attempt });
    await shown.page.evaluate(`page.change({ options: {} })`);
    await start();
    await until('page.hook.final && !page.hook.error');
  });
});

describe('IdeaStream', () => {
  test('shows the ideas on the topic that was typed', async () => {
    await mount('IdeaStream', { url: ideas });
    await shown.page.getByLabel('Topic').fill('healthy snacks');
    await shown.page.getByRole('button').click();
    await until('document.querySelectorAll("[aria-busy=false] article").length === 5');
    const texts = await shown.page.locator('h3, article p').allTextContents();
    expect(texts.filter(text => text === '…')).toEqual([]);
    expect(await shown.page.getByRole('button').textContent()).toBe('Suggest ideas');
  });

  test('says what is wrong', async () => {
    await mount('IdeaStream', { url: ideas });
    await shown.page.getByRole('button').click();
    await shown.page.getByRole('alert').waitFor();
    expect(await shown.page.getByRole('alert').textContent()).toMatch(/not valid/);
  });
});
