import classes from './dialog.module.css';
import { Modal, Select, Textarea, Tooltip } from '@mantine/core';

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
  Select: Select.extend({ defaultProps: { allowDeselect: false, checkIconPosition: 'right' } }),
  Textarea: Textarea.extend({ defaultProps: { autosize: false } }),
  Tooltip: Tooltip.extend({ defaultProps: { withArrow: true, openDelay: 150 } }),
};
