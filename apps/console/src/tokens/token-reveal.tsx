import { Button, Group, Stack, Text } from '@mantine/core';
import { IconCheck, IconCopy, IconDownload } from '../app/icons.ts';
import { useEffect, useRef, useState } from 'react';
import { useBlocker } from 'react-router';
import type { CreatedTokenDto } from '../api/generated/types.gen.ts';
import { Notice } from '../notices/notice.tsx';
import { copyText } from './copy-text.ts';
import { curlLine, downloadToken, tokenFileName } from './token-handover.ts';
import classes from './token-reveal.module.css';

/** Whether the token has been taken, and what closing does: before it is taken, closing asks once, and so does leaving. */
export interface RevealGuard {
  isAsking: boolean;
  markTaken: () => void;
  stay: () => void;
  close: () => void;
}

/**
 * @param isShown whether a token is shown that will not be shown again
 * @param onClose closes for good
 */
export function useRevealGuard(isShown: boolean, onClose: () => void): RevealGuard {
  const [isTaken, setTaken] = useState(false);
  const [isAsking, setAsking] = useState(false);
  useStay(isShown && !isTaken, () => setAsking(true));
  return {
    isAsking,
    markTaken: () => {
      setTaken(true);
      setAsking(false);
    },
    stay: () => setAsking(false),
    close: () => {
      if (isShown && !isTaken && !isAsking) return setAsking(true);
      setTaken(false);
      setAsking(false);
      onClose();
    },
  };
}

/** Stays on the page: the way back calls `onHeld` instead, and closing the browser's tab makes the browser ask. */
function useStay(isWanted: boolean, onHeld: () => void): void {
  const blocker = useBlocker(isWanted);
  useEffect(() => {
    if (blocker.state !== 'blocked') return;
    blocker.reset();
    onHeld();
  });
  useEffect(() => {
    if (!isWanted) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [isWanted]);
}

/** The token itself, for this once: to copy, to download, to try. */
export function TokenReveal({ token, guard }: { token: CreatedTokenDto; guard: RevealGuard }) {
  const copyButton = useRef<HTMLButtonElement>(null);
  // At first, and after the question whether to close, whose buttons are gone.
  useEffect(() => {
    if (!guard.isAsking) copyButton.current?.focus();
  }, [guard.isAsking]);
  const curl = curlLine(token, window.location.origin);
  return (
    <Stack gap="md">
      <Notice tone="warning">
        Copy or download this token now: <strong>it won’t be shown again.</strong> Keep it confidential, share it with
        no one, and put it in a password manager or a vault.
      </Notice>
      <Secret label={token.name} text={token.bearer_token} onCopied={guard.markTaken} />
      <Group gap="xs">
        <CopyButton label="Copy" text={token.bearer_token} buttonRef={copyButton} onCopied={guard.markTaken} filled />
        <Button
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
          onClick={() => {
            downloadToken(token);
            guard.markTaken();
          }}
        >
          Download
        </Button>
        <Text size="xs" c="dimmed">
          {tokenFileName(token.name)}
        </Text>
      </Group>
      <div>
        <Group justify="space-between" mb={4}>
          <Text size="sm" fw={550}>
            Try it
          </Text>
          <CopyButton label="Copy the curl line" text={curl} onCopied={guard.markTaken} />
        </Group>
        <pre className={classes.line} tabIndex={0} aria-label="curl line">
          {curl}
        </pre>
      </div>
      {guard.isAsking ? (
        <ClosingQuestion guard={guard} />
      ) : (
        <Group justify="flex-end">
          <Button variant="default" onClick={guard.close}>
            Close
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Secret({ label, text, onCopied }: { label: string; text: string; onCopied: () => void }) {
  return (
    <div
      className={classes.secret}
      role="textbox"
      aria-readonly
      aria-multiline
      aria-label={`Token ${label}`}
      tabIndex={0}
      onCopy={onCopied}
    >
      {text}
    </div>
  );
}

interface CopyButtonProps {
  label: string;
  text: string;
  onCopied: () => void;
  filled?: boolean;
  buttonRef?: React.Ref<HTMLButtonElement>;
}

function CopyButton({ label, text, onCopied, filled = false, buttonRef }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'copied' | 'failed'>();
  const copy = async (): Promise<void> => {
    const isCopied = await copyText(text);
    setOutcome(isCopied ? 'copied' : 'failed');
    if (isCopied) onCopied();
  };
  const Icon = outcome === 'copied' ? IconCheck : IconCopy;
  return (
    <Button
      ref={buttonRef ?? null}
      variant={filled ? 'filled' : 'subtle'}
      size={filled ? 'sm' : 'compact-sm'}
      leftSection={<Icon size={16} aria-hidden />}
      onClick={() => void copy()}
    >
      <span aria-live="polite">
        {outcome === 'copied' ? 'Copied' : outcome === 'failed' ? 'Select it and copy by hand' : label}
      </span>
    </Button>
  );
}

function ClosingQuestion({ guard }: { guard: RevealGuard }) {
  const stayButton = useRef<HTMLButtonElement>(null);
  useEffect(() => stayButton.current?.focus(), []);
  return (
    <Notice tone="danger">
      <Text size="sm" mb="xs">
        The token has been neither copied nor downloaded, and it won’t be shown again. Close anyway?
      </Text>
      <Group gap="xs">
        <Button ref={stayButton} size="xs" variant="default" onClick={guard.stay}>
          Keep it open
        </Button>
        <Button size="xs" color="red" onClick={guard.close}>
          Close anyway
        </Button>
      </Group>
    </Notice>
  );
}
