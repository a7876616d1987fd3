/** @returns what becomes of someone's active tokens, as a sentence */
export function tokensStopText(activeTokens: number): string {
  if (activeTokens === 0) return 'No active token stops.';
  return activeTokens === 1 ? '1 active token stops at once.' : `${activeTokens} active tokens stop at once.`;
}
