/** The packages as a user installs them: packed, and unpacked in a project that was empty. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { service } from './counts.js';

const clients = resolve(import.meta.dirname, '..');
export const run = promisify(execFile);

/**
 * A project with packages, and with React, which they are used with.
 *
 * @param {...string} packages their folders
 */
export async function project(...packages) {
  const folder = await mkdtemp(join(tmpdir(), 'project-'));
  const folders = packages.map(name => `./${name}`);
  await npm(clients, 'pack', ...folders, '--pack-destination', folder);
  const packed = (await readdir(folder)).map(name => join(folder, name));
  const react = join(clients, 'node_modules/react');
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await npm(folder, 'install', '--offline', '--install-links', ...packed, react);
  return { folder, remove: () => rm(folder, { recursive: true }) };
}

/**
 * @param {string} cwd
 * @param {...string} command
 */
const npm = (cwd, ...command) => run('npm', [...command, '--loglevel=error'], { cwd });

/**
 * The code in a package's README, of one language, with the service's address.
 *
 * @param {string} name
 * @param {string} language
 */
export async function snippets(name, language) {
  const text = await readFile(resolve(clients, name, 'README.md'), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, code]) =>
    code.replaceAll('http://localhost:8000', service),
  );
}
