import classes from './dialog.module.css';
import { Menu, Modal, MultiSelect, Notification, Select, Textarea, Tooltip } from '@mantine/core';

/** What drops down is content too, and content belongs into a landmark. */
const IN_MAIN = { target: 'main' };

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
      classNames: { title: classes.title!, inner: classes.inner! },
    },
  }),
  Menu: Menu.extend({ defaultProps: { portalProps: IN_MAIN, withInitialFocusPlaceholder: false } }),
  MultiSelect: MultiSelect.extend({ defaultProps: { comboboxProps: { portalProps: IN_MAIN } } }),
  Notification: Notification.extend({ classNames: { description: classes.toastText! } }),
  Select: Select.extend({
    defaultProps: { allowDeselect: false, checkIconPosition: 'right', comboboxProps: { portalProps: IN_MAIN } },
  }),
  Textarea: Textarea.extend({ defaultProps: { autosize: false } }),
  Tooltip: Tooltip.extend({ defaultProps: { withArrow: true, openDelay: 150 } }),
};
