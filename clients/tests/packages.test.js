import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../support/browser.js';
import { counts, since } from '../support/counts.js';
import { project, run, snippets } from '../support/package.js';
import { inPage } from '../support/page.js';

const clients = resolve(import.meta.dirname, '..');

/** @type {Awaited<ReturnType<typeof project>>} */
let installed;
beforeAll(async () => (installed = await project('js', 'react')));
afterAll(() => installed?.remove());

test('the packages bring nothing with them', async () => {
  const found = await readdir(join(installed.folder, 'node_modules'));
  expect(found.filter(name => !name.startsWith('.')).sort()).toEqual([
    'react',
    'structured-streams',
    'structured-streams-react',
  ]);
  for (const name of ['structured-streams', 'structured-streams-react']) {
    const files = await readdir(join(installed.folder, 'node_modules', name));
    expect(files.sort()).toEqual(['LICENSE', 'README.md', 'package.json', 'src', 'types']);
  }
});

/**
 * What a program in the project prints.
 *
 * @param {string} code
 */
async function printed(code) {
  await writeFile(join(installed.folder, 'main.js'), code);
  const { stdout, stderr } = await run('node', ['main.js'], { cwd: installed.folder });
  expect(stderr).toBe('');
  return stdout;
}

describe('the README of the client', async () => {
  const [reading, stopping, failing, open, reasoning, ...more] = await snippets('js', 'js');

  test('reads a stream', async () => {
    const text = await printed(reading);
    expect(text.split('\n').slice(0, 2)).toEqual([expect.stringMatching(/^\[/), expect.anything()]);
    expect(text.match(/blurb: '/g)?.length).toBeGreaterThan(3);
    expect(more).toEqual([]);
  });

  test('stops a stream', async () => {
    const before = await counts();
    expect(await printed(stopping)).toBe('AbortError\n');
    expect(await since(before, ({ cancelled }) => cancelled === 1)).toMatchObject({
      started: 1,
      cancelled: 1,
    });
  });

  test('shows an error', async () => {
    expect(await printed(failing)).toMatch(/^invalid_request 422 false \w+\n\/topic /);
  });

  test('shows a cursor', async () => {
    const lines = (await printed(open)).trim().split('\n');
    expect(lines.filter(line => line.endsWith('▍')).length).toBeGreaterThan(0);
    expect(lines.slice(-5).every(line => /^✓.*[^▍]$/.test(line))).toBe(true);
  });

  test('tells what a model reasons', async () => {
    expect(reasoning.match(/reasoning: true/g)).toHaveLength(1);
    const text = await printed(reasoning.replace('true }', "true, model: 'demo-thinks' }"));
    expect(text).toMatch(/^The topic is “tea”/m);
    expect(text).toMatch(/blurb: '/);
  });

  test('is typed, and so are the hooks', async () => {
    const [code] = await snippets('js', 'ts');
    const hook = `import { useStream } from 'structured-streams-react';
      import type { Ideas, IdeasParameters, IdeasPartial } from './schemas.js';
      const { start, value, final } = useStream<Ideas, IdeasPartial, IdeasParameters>('/ideas');
      start({ topic: 'tea' });
      export const titles: (string | null)[] | undefined = value?.map(({ title }) => title);
      export const last: string | undefined = final?.[0]?.blurb;`;
    const found = await complaints(
      code,
      code.replace('topic:', 'topics:'),
      code.replace('title ??', 'name ??'),
      hook,
      hook.replace('string | null', 'string'),
    );
    expect(found).toEqual([
      expect.stringMatching(/^1\.ts.*'topics' does not exist in type 'IdeasParameters'/),
      expect.stringMatching(/^2\.ts.*'name' does not exist on type 'PartialIdea'/),
      expect.stringMatching(/^4\.ts.*is not assignable to type/),
    ]);
  });
});

/**
 * What the compiler says of modules in the project, beside the types of the schemas.
 *
 * @param {...string} modules
 * @returns {Promise<string[]>}
 */
async function complaints(...modules) {
  const { folder } = installed;
  await copyFile(join(clients, 'react/examples/schemas.ts'), join(folder, 'schemas.ts'));
  const files = modules.map((_, at) => `${at}.ts`);
  await Promise.all(files.map((file, at) => writeFile(join(folder, file), modules[at])));
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022'];
  const tsc = join(clients, 'node_modules/.bin/tsc');
  const command = [...options, '--types', '', ...files];
  const found = await run(tsc, command, { cwd: folder }).catch(error => error);
  return found.stdout.split('\n').filter((/** @type {string} */ line) => /error TS/.test(line));
}

describe('the README of the hooks', () => {
  const shown = inPage(async () => {
    const [code] = await snippets('react', 'jsx');
    await writeFile(join(installed.folder, 'ideas.jsx'), code);
    await writeFile(
      join(installed.folder, 'main.jsx'),
      `import { createRoot } from 'react-dom/client';
       import { Ideas } from './ideas.jsx';
       createRoot(document.getElementById('root')).render(<Ideas />);`,
    );
    const ours = (/** @type {string} */ name) => [name, join(clients, 'node_modules', name)];
    const alias = Object.fromEntries(['react', 'react-dom'].map(ours)); // else React is there twice
    return bundle('main.jsx', { absWorkingDir: installed.folder, alias });
  });

  test('shows ideas', async () => {
    const { page } = shown;
    await page.getByRole('button', { name: 'Go' }).click();
    await page.waitForFunction(
      'document.querySelectorAll("article").length === 3 && document.querySelector(":disabled")',
    );
    expect(await page.locator('h3').allTextContents()).not.toContain('…');
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

test('what is not used is not bundled, and all of it with the hooks is less than 4.6 KB', async () => {
  const code = "export * from 'structured-streams'; export * from 'structured-streams-react';";
  const options = { minify: true, external: ['react'], stdin: { contents: code, resolveDir: '.' } };
  const all = await bundle(undefined, options);
  expect(gzipSync(all, { level: 9 }).length).toBeLessThan(4600);
  const some = "import { StreamError } from 'structured-streams'; console.log(StreamError);";
  const small = await bundle(undefined, { ...options, stdin: { contents: some, resolveDir: '.' } });
  expect(small.length).toBeLessThan(300);
  expect(all).not.toMatch(/from"(?!react")/);
});
