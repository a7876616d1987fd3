import { useSyncExternalStore } from 'react';

const STEP_MS = 15_000;

/** One clock for all that says "5 minutes ago": it moves on every 15 seconds. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Date.now() / STEP_MS) * STEP_MS);
}

function subscribe(onChange: () => void): () => void {
  const timer = setInterval(onChange, STEP_MS);
  return () => clearInterval(timer);
}
