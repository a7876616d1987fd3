import type { MouseEvent } from 'react';
import classes from './dialog.module.css';
import { Menu, Modal, MultiSelect, Notification, Select, Textarea, Tooltip } from '@mantine/core';

/** What drops down is content too, and content belongs into a landmark. */
const IN_MAIN = { target: 'main' };

/** Before what was chosen opens a dialog: that gives the focus back to what had it, and the menu is gone by then. */
function focusOpener({ currentTarget, target }: MouseEvent<HTMLElement>): void {
  if ((target as Element).closest('[aria-disabled]')) return;
  document.getElementById(currentTarget.getAttribute('aria-labelledby') ?? '')?.focus({ preventScroll: true });
}

/** Defaults of the components, for the whole page. */
export const components = {
  Modal: Modal.extend({
    defaultProps: {
      // Mantine locks the page's scrolling with an inline style, which the policy of the page forbids.
      lockScroll: false,
      centered: true,
      closeButtonProps: { 'aria-label': 'Close' },
      overlayProps: { backgroundOpacity: 0.45 },
      transitionProps: { duration: 120 },
      classNames: { title: classes.title!, inner: classes.inner!, body: classes.body! },
    },
  }),
  Menu: Menu.extend({ defaultProps: { portalProps: IN_MAIN, withInitialFocusPlaceholder: false } }),
  MenuDropdown: Menu.Dropdown.extend({ defaultProps: { onClickCapture: focusOpener } }),
  MultiSelect: MultiSelect.extend({ defaultProps: { comboboxProps: { portalProps: IN_MAIN } } }),
  Notification: Notification.extend({ classNames: { description: classes.toastText! } }),
  Select: Select.extend({
    defaultProps: { allowDeselect: false, checkIconPosition: 'right', comboboxProps: { portalProps: IN_MAIN } },
  }),
  Textarea: Textarea.extend({ defaultProps: { autosize: false } }),
  Tooltip: Tooltip.extend({ defaultProps: { withArrow: true, openDelay: 150 } }),
};
