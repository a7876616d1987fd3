import { notifications } from '@mantine/notifications';
import type { ReceiptDto } from '../api/generated/types.gen.ts';
import { messageOf } from '../api/problem.ts';
import { receiptText } from './receipt-text.ts';

const SUCCESS_MS = 7_000;
const FAILURE_MS = 12_000;

/** Says that something was done, and which gateways go by it. */
export function toastDone(message: string, receipt?: ReceiptDto, more?: string): void {
  const details = [receipt && receiptText(receipt), more].filter(Boolean);
  notifications.show({
    title: message,
    message: details.join(' · '),
    color: receipt?.unconfirmed?.length || receipt?.pending?.length ? 'yellow' : 'green',
    autoClose: SUCCESS_MS,
    closeButtonProps: { 'aria-label': 'Close this message' },
  });
}

/** Says that something could not be done. */
export function toastFailed(title: string, error: unknown): void {
  notifications.show({
    title,
    message: messageOf(error),
    color: 'red',
    autoClose: FAILURE_MS,
    closeButtonProps: { 'aria-label': 'Close this message' },
  });
}
