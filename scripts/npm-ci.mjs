import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Knows `libc` in a lock, which npm 9 does not. */
const NPM_VERSION = '11.19.1';
export const INSTALL_MS_MAX = 20 * 60_000;
const STILL_THERE_MS = 15_000;

/** @typedef {{ version?: string, optional?: boolean, os?: string[], cpu?: string[], engines?: { node?: string } }} LockEntry */

/**
 * Installs what a repository's package-lock.json says. npm leaves out, without a word, each optional package whose `engines` the
 * Node that it runs on does not meet, such as the bundler's own binaries. On such a Node, the pinned one and an npm for it are put
 * into a temporary folder first, and these do it.
 *
 * @param {string} repository
 * @throws with what npm said when it fails
 */
export async function npmCi(repository) {
  /** @type {Record<string, LockEntry>} */
  const packages = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')).packages ?? {};
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  if (suitsLock(packages, process.versions.node)) return npm(repository, args);
  console.log(`getting another Node for that: what is to be installed is not for this one (${process.version}) …`);
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-npm-'));
  try {
    // Newer ones run the script that fetches Node only where it is allowed.
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }));
    const programs = [`node@${packages['node_modules/node']?.version}`, `npm@${NPM_VERSION}`];
    await npm(folder, ['install', '--no-audit', '--no-fund', '--loglevel=error', ...programs]);
    const modules = join(folder, 'node_modules');
    await npm(repository, args, [join(modules, '.bin', 'node'), join(modules, 'npm', 'bin', 'npm-cli.js')]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {Record<string, LockEntry>} packages of a lock
 * @param {string} version of Node, such as `22.11.0`
 * @returns {boolean} whether npm on that Node installs every package that is for this machine.
 */
export function suitsLock(packages, version) {
  return Object.values(packages).every(({ optional, os, cpu, engines }) => {
    const isForThisMachine = (os ?? [process.platform]).includes(process.platform) && (cpu ?? [process.arch]).includes(process.arch); // prettier-ignore
    return !optional || !isForThisMachine || meets(version, engines?.node ?? '>=0');
  });
}

/**
 * The ranges that `engines` hold in practice: `>=20.19`, `^22.12.0` and several of them. Any other counts as not met.
 *
 * @param {string} version
 * @param {string} range
 */
function meets(version, range) {
  const actual = numbersOf(version);
  return range.split('||').some((part) => {
    const [, operator, text = ''] = /^(>=|\^)\s*(\d+(?:\.\d+){0,2})$/.exec(part.trim()) ?? [];
    if (operator === undefined) return false;
    const wanted = numbersOf(text);
    return (operator === '>=' || actual[0] === wanted[0]) && isAtLeast(actual, wanted);
  });
}

/** @param {string} version */
function numbersOf(version) {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return /** @type {const} */ ([major, minor, patch]);
}

/**
 * @param {readonly [number, number, number]} actual
 * @param {readonly [number, number, number]} wanted
 */
function isAtLeast(actual, wanted) {
  const differing = [0, 1, 2].find((place) => actual[place] !== wanted[place]);
  return differing === undefined || Number(actual[differing]) > Number(wanted[differing]);
}

/**
 * Quiet unless it fails: what npm says about other Node versions is no news here, for the pinned one is installed.
 *
 * @param {string} folder
 * @param {string[]} args
 * @param {string[]} program how npm is run
 */
async function npm(folder, args, program = thisNpm()) {
  const [command = '', ...first] = program;
  const child = spawn(command, [...first, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: INSTALL_MS_MAX }); // prettier-ignore
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output += text));
  }
  const startedMs = performance.now();
  const seconds = () => Math.round((performance.now() - startedMs) / 1000);
  const stillThere = setInterval(() => console.log(`… still installing (${seconds()} s)`), STILL_THERE_MS);
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve((output += error.message)));
    child.once('close', resolve);
  });
  clearInterval(stillThere);
  if (code !== 0) throw new Error(`the dependencies can't be installed (npm ${args[0]}):\n${output}`);
}

/** The npm that started this, or the one on the PATH. */
function thisNpm() {
  const cli = process.env['npm_execpath'];
  return cli?.endsWith('.js') ? [process.execPath, cli] : ['npm'];
}
