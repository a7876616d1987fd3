import { PasswordInput, type PasswordInputProps } from '@mantine/core';

const SHOW_OR_HIDE = { 'aria-label': 'Show or hide the password', tabIndex: 0 };

/** A password, which can be shown with the keyboard too. Mantine's own doesn't say to screen readers that it is wrong. */
export function PasswordField(props: PasswordInputProps) {
  return (
    <PasswordInput required visibilityToggleButtonProps={SHOW_OR_HIDE} aria-invalid={Boolean(props.error)} {...props} />
  );
}
