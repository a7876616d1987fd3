const ATTENDED_MS = 60_000;
const SIGNS = ['pointerdown', 'pointermove', 'wheel', 'keydown', 'touchstart'];

/** Loading the page is a sign too. */
let lastSignMs = performance.now();

if (typeof document !== 'undefined') {
  const note = (): void => {
    lastSignMs = performance.now();
  };
  for (const sign of SIGNS) document.addEventListener(sign, note, { capture: true, passive: true });
}

/** Whether somebody is at the page, as far as it can tell: what it asks for by itself is not to keep the session of one who left. */
export function isAttended(): boolean {
  return performance.now() - lastSignMs < ATTENDED_MS;
}
