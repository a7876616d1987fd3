import { readFileSync } from 'node:fs';
import { childrenOf, residentBytes } from '../../test/harness/process-table.ts';

/** Linux counts in hundredths of a second (USER_HZ, proc_pid_stat(5)), whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100;

/** CPU seconds that a process and its children have used, in user and kernel mode together. */
export function cpuSeconds(pid: number): number {
  return treeOf(pid).reduce((total, each) => total + ownCpuSeconds(each), 0);
}

/** Resident memory of a process and its children, in MB of 1,000,000 bytes. */
export function residentMb(pid: number): number {
  return treeOf(pid).reduce((total, each) => total + residentBytes(each), 0) / 1_000_000;
}

function ownCpuSeconds(pid: number): number {
  // The name of the program may hold anything, a space or a parenthesis too.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  const [user, kernel] = [Number(fields[11]), Number(fields[12])];
  return (user + kernel) / TICKS_PER_SECOND;
}

function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}
