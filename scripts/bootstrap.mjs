import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { INSTALL_MS_MAX, npmCi } from './npm-ci.mjs';

const REPOSITORY = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_MODULES = join(REPOSITORY, 'node_modules');
const PINNED_NODE = join(NODE_MODULES, '.bin', 'node');
const INSTALLED_LOCK = join(NODE_MODULES, '.portcullis-lock');
const INSTALL_MUTEX = join(tmpdir(), `portcullis-install-${hashOf(REPOSITORY).slice(0, 16)}`);
const OLDEST_NODE = 20;
const PARENT_CHECK_MS = 250;

/**
 * Installs the locked dependencies when they are missing or outdated, then runs a script on the Node that is pinned in
 * package.json, in the repository's folder; ends as the script ends.
 *
 * @param {string} script a path in the repository.
 * @param {string[]} args
 */
export async function runOnPinnedNode(script, args) {
  checkNode();
  await installIfNeeded();
  const child = spawn(PINNED_NODE, [join(REPOSITORY, script), ...args], {
    cwd: REPOSITORY,
    // The channel breaks when this process is killed: that is how the script learns of it.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, PATH: `${join(NODE_MODULES, '.bin')}:${process.env['PATH'] ?? ''}` },
  });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => child.kill(signal));
  }
  endWithNpm(child);
  child.once('error', (error) => {
    console.error(`${PINNED_NODE} can't be run: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));
}

/**
 * Stops the script when the npm that runs this one is gone, as after a kill -9 of it.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
function endWithNpm(child) {
  if (!process.env['npm_lifecycle_event']) return;
  const npm = process.ppid;
  const check = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(check);
    child.kill('SIGTERM');
  }, PARENT_CHECK_MS);
}

function checkNode() {
  if (Number.parseInt(process.versions.node) >= OLDEST_NODE) return;
  throw new Error(`Portcullis needs Node ${OLDEST_NODE} or newer to begin with; this is ${process.version}.`);
}

async function installIfNeeded() {
  if (isInstalled()) return;
  await withInstallMutex(async () => {
    if (isInstalled()) return;
    const startedMs = performance.now();
    console.log('installing dependencies (npm ci); the first time this takes a minute …');
    await npmCi(REPOSITORY);
    writeFileSync(INSTALLED_LOCK, lockHash());
    console.log(`dependencies installed (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
  });
}

/** @returns {boolean} whether node_modules is what package-lock.json asks for. */
function isInstalled() {
  if (!existsSync(PINNED_NODE)) return false;
  const hash = lockHash();
  if (readIfPresent(INSTALLED_LOCK) === hash) return true;
  if (!agreesWithLock()) return false;
  // Somebody ran npm install; that is as good.
  writeFileSync(INSTALLED_LOCK, hash);
  return true;
}

function lockHash() {
  return hashOf(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8'));
}

/** @param {string} text */
function hashOf(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** Compares npm's own record of what it installed with the lock; what is for other platforms may be absent. */
function agreesWithLock() {
  const record = readIfPresent(join(NODE_MODULES, '.package-lock.json'));
  if (record === undefined) return false;
  /** @typedef {{ version?: string, integrity?: string, link?: boolean, optional?: boolean }} Entry */
  /** @type {Record<string, Entry>} */
  const installed = JSON.parse(record).packages ?? {};
  /** @type {Record<string, Entry>} */
  const locked = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')).packages ?? {};
  return Object.entries(locked).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true;
    const present = installed[path];
    if (!present) return entry.optional === true;
    return present.version === entry.version && present.integrity === entry.integrity;
  });
}

/**
 * Keeps a second start from installing into the same folder at the same time.
 *
 * @param {() => Promise<void>} work
 */
async function withInstallMutex(work) {
  const deadlineMs = performance.now() + INSTALL_MS_MAX;
  for (let attempt = 0; !takeMutex(); attempt += 1) {
    if (attempt === 0) console.log('waiting for another start to install the dependencies …');
    if (performance.now() > deadlineMs) throw new Error(`${INSTALL_MUTEX} is held: remove it if nothing installs`);
    await sleep(500);
  }
  process.on('exit', releaseMutex);
  try {
    await work();
  } finally {
    process.off('exit', releaseMutex);
    releaseMutex();
  }
}

function releaseMutex() {
  rmSync(INSTALL_MUTEX, { recursive: true, force: true });
}

/** @returns {boolean} whether this process has it now; one whose holder is gone is taken over. */
function takeMutex() {
  try {
    mkdirSync(INSTALL_MUTEX);
    writeFileSync(join(INSTALL_MUTEX, 'pid'), String(process.pid));
    return true;
  } catch {
    const holder = Number(readIfPresent(join(INSTALL_MUTEX, 'pid')));
    const ageMs = Date.now() - (statSync(INSTALL_MUTEX, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    // Between the folder and the pid in it there is a moment without a holder.
    if (holder ? !isAlive(holder) : ageMs > 5_000) releaseMutex();
    return false;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** @param {string} path */
function readIfPresent(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
