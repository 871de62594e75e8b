/** Chromium, and a server of the pages that it shows. */
import { build } from 'esbuild';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { delimiter, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const clients = resolve(import.meta.dirname, '..');
const places = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap(folder => ['chromium', 'chromium-browser'].map(name => resolve(folder, name)));

/** A headless Chromium with a profile of its own, which calls nobody by itself. */
export const launch = () =>
  chromium.launchServer({
    host: '127.0.0.1',
    executablePath: process.env.CHROMIUM ?? places.find(existsSync),
    args: ['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });

export const connect = () => chromium.connect(/** @type {string} */ (process.env.BROWSER));

/**
 * A module with all that it imports, as one text.
 *
 * @param {string | undefined} path below `clients/`
 * @param {import('esbuild').BuildOptions} [options]
 */
export async function bundle(path, options) {
  const {
    outputFiles: [file],
  } = await build({
    absWorkingDir: clients,
    entryPoints: path ? [path] : [],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    logLevel: 'error',
    alias: {
      'structured-streams': './js/src/index.js',
      'structured-streams-react': './react/src/index.js',
    },
    define: { 'process.env.NODE_ENV': '"development"' },
    ...options,
    write: false,
  });
  return file.text;
}

const page = `<!doctype html>
<link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "structured-streams": "/js/index.js" } }</script>
<div id="root"></div>
<script type="module" src="main.js"></script>`;

/**
 * Serve a page with a script, and the client's modules as they are.
 *
 * @param {string | Buffer} script
 */
export async function pages(script) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    const [, module] = /^\/js\/([\w-]+\.js)$/.exec(pathname) ?? [];
    const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` });
    if (module) response.end(await readFile(resolve(clients, 'js/src', module)));
    else response.end(type === 'text/html' ? page : script);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
