/**
 * What all tests share: the real service with its demo model (SERVICE), and a browser (BROWSER).
 *
 * PYTHON (default: that of the project's virtual environment) is the Python to run it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { launch } from './browser.js';

const root = resolve(import.meta.dirname, '../..');

export default async function setup() {
  const [stop, browser] = await Promise.all([serve(), launch()]);
  process.env.BROWSER = browser.wsEndpoint();
  return () => Promise.all([stop(), browser.close()]);
}

/** Start the service. Returns what stops it. */
async function serve() {
  const python = resolve(root, process.env.PYTHON ?? '.venv/bin/python');
  const env = {
    PATH: process.env.PATH,
    PORT: '0',
    CORS_ORIGINS: '*',
    DEMO_TOKENS_PER_SECOND: '1000',
    LOG_FORMAT: 'json',
    SCHEMAS: 'tests/support/schemas',
  };
  const service = spawn(python, ['-m', 'app'], {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  process.env.SERVICE = await address(service);
  return async () => {
    service.kill('SIGTERM');
    if (service.exitCode === null) await once(service, 'exit');
  };
}

/** @param {import('node:child_process').ChildProcess} service */
async function address(service) {
  const said = [];
  await once(service, 'spawn');
  for await (const line of createInterface(/** @type {any} */ (service.stderr))) {
    said.push(line);
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
    if (!found) continue;
    service.stderr?.resume();
    return found[0];
  }
  throw new Error(`The service has not started:\n${said.join('\n')}`);
}
