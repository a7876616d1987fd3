import { Modal } from '@mantine/core';
import { useState } from 'react';
import type { CreatedTokenDto } from '../api/generated/types.gen.ts';
import { TokenForm } from './token-form.tsx';
import { TokenReveal, useRevealGuard } from './token-reveal.tsx';
import type { TokenType } from './token.ts';

interface GenerateTokenDialogProps {
  opened: boolean;
  onClose: () => void;
  initialType: TokenType;
}

/** Asks what the token is to be, and then shows it, once. */
export function GenerateTokenDialog({ opened, onClose, initialType }: GenerateTokenDialogProps) {
  const [token, setToken] = useState<CreatedTokenDto>();
  const guard = useRevealGuard(token !== undefined, () => {
    setToken(undefined);
    onClose();
  });
  return (
    <Modal
      opened={opened}
      onClose={guard.close}
      closeOnClickOutside={token === undefined}
      title={token ? 'Your New Token' : 'Generate Token'}
      size="lg"
    >
      {token ? (
        <TokenReveal token={token} guard={guard} />
      ) : (
        <TokenForm initialType={initialType} onCreated={setToken} onCancel={guard.close} />
      )}
    </Modal>
  );
}
