/** The packages as a user installs them: packed, and unpacked in a project that was empty. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { service } from './counts.js';

const clients = resolve(import.meta.dirname, '..');
export const run = promisify(execFile);

/** @param {string[]} packages their folders */
export async function project(...packages) {
  const folder = await mkdtemp(join(tmpdir(), 'project-'));
  const packed = [];
  for (const name of packages) {
    const { stdout } = await npm(
      resolve(clients, name),
      'pack',
      '--json',
      '--pack-destination',
      folder,
    );
    packed.push(join(folder, filename(stdout)));
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await npm(folder, 'install', '--offline', '--install-links', ...packed, ...peers(packages));
  return { folder, remove: () => rm(folder, { recursive: true }) };
}

/** The name of the tarball: what `prepack` prints goes first. */
const filename = (/** @type {string} */ stdout) =>
  JSON.parse(stdout.slice(stdout.lastIndexOf('\n[') + 1))[0].filename;

/** @param {string[]} packages */
const peers = packages =>
  packages.includes('react')
    ? ['react', 'react-dom', 'scheduler'].map(name => join(clients, 'node_modules', name))
    : [];

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
