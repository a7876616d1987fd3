export const CONTENT_ID = 'content';

/** Puts the focus on the page's content, where what had it is gone: else the keyboard starts again at the top of the page. */
export function focusContent(): void {
  document.getElementById(CONTENT_ID)?.focus({ preventScroll: true });
}
