import { Anchor, Button, Group, Skeleton, Stack, Title } from '@mantine/core';
import { IconArrowBackUp, IconArrowLeft, IconBan, IconTrash } from '../app/icons.ts';
import { type ReactNode, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { TokenDto } from '../api/generated/types.gen.ts';
import { ApiError } from '../api/problem.ts';
import { NotFoundPage } from '../app/not-found-page.tsx';
import { useDocumentTitle } from '../app/use-document-title.ts';
import { FailureNotice } from '../notices/failure-notice.tsx';
import { StaleNotice } from '../notices/stale-notice.tsx';
import { useCurrentUser } from '../sign-in/session.ts';
import { exactTime } from '../times/relative-time.ts';
import { DeleteTokenDialog } from './delete-token-dialog.tsx';
import { ExpirationText } from './expiration-text.tsx';
import { StatusDot } from './status-dot.tsx';
import { useTokenRevocation } from './token-actions.ts';
import classes from './token-page.module.css';
import { useToken } from './token-queries.ts';
import { TokenUsage } from './token-usage.tsx';
import { UsageText } from './usage-text.tsx';

/** A token's own page: its facts and how it is used. */
export function TokenPage() {
  const id = Number(useParams()['id']);
  return Number.isSafeInteger(id) && id > 0 ? <TokenOf key={id} id={id} /> : <NotFoundPage />;
}

function TokenOf({ id }: { id: number }) {
  const { data: token, error, refetch, isFetching, dataUpdatedAt } = useToken(id);
  const list = useListOf(token);
  useDocumentTitle(token?.name ?? 'Token');
  if (error instanceof ApiError && error.status === 404) return <NotFoundPage />;
  if (error && !token) return <FailureNotice error={error} onRetry={() => void refetch()} isRetrying={isFetching} />;
  return (
    <Stack gap="md">
      <Anchor component={Link} to={list} size="sm" className={classes.back!}>
        <IconArrowLeft size={15} aria-hidden /> All tokens
      </Anchor>
      <StaleNotice error={error} dataUpdatedAt={dataUpdatedAt} />
      {token ? <TokenView token={token} /> : <Skeleton height={220} radius="md" />}
      <TokenUsage id={id} />
    </Stack>
  );
}

/** The address of the list that a token is in. */
function useListOf(token: TokenDto | undefined): string {
  const { id } = useCurrentUser();
  if (token?.type === 'Service') return '/settings/tokens?list=service';
  return token && token.user.id !== id ? '/settings/tokens?list=everyone' : '/settings/tokens';
}

function TokenView({ token }: { token: TokenDto }) {
  return (
    <section className={classes.card} aria-label="Facts">
      <Group justify="space-between" gap="sm" mb="md">
        <Group gap="sm">
          <Title order={2} className={classes.title!}>
            {token.name}
          </Title>
          <StatusDot status={token.status} />
        </Group>
        <TokenButtons token={token} />
      </Group>
      <dl className={classes.facts}>
        <Fact label={token.type === 'Service' ? 'Service user' : 'Owner'}>
          {token.user.name} <span className={classes.quiet}>{token.user.user_id}</span>
        </Fact>
        <Fact label="Type">{token.type}</Fact>
        <Fact label="Opens">
          {token.scim
            ? 'The SCIM provisioning API (/scim/v2) and nothing else'
            : `What the role of ${token.user.name} allows`}
        </Fact>
        <Fact label="Ends with">
          <code>…{token.hint}</code>
        </Fact>
        <Fact label="Expiration">
          <ExpirationText expiration={token.expiration} />
        </Fact>
        <Fact label="Usage">
          <UsageText token={token} />
        </Fact>
        <Fact label="Created">{exactTime(token.created_at)}</Fact>
        <Fact label="Created by">{token.created_by?.name ?? '—'}</Fact>
        {token.parent_token_id !== null && (
          <Fact label="Made with">
            <Anchor component={Link} to={`/settings/tokens/${token.parent_token_id}`} size="sm">
              another token
            </Anchor>
          </Fact>
        )}
      </dl>
    </section>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function TokenButtons({ token }: { token: TokenDto }) {
  const [isDeleting, setDeleting] = useState(false);
  const revocation = useTokenRevocation();
  const navigate = useNavigate();
  const list = useListOf(token);
  const isActive = token.status === 'Active';
  return (
    <Group gap="xs">
      {token.status !== 'Expired' && (
        <Button
          variant="default"
          leftSection={isActive ? <IconBan size={16} aria-hidden /> : <IconArrowBackUp size={16} aria-hidden />}
          onClick={() => revocation.mutate({ token, revoke: isActive })}
          loading={revocation.isPending}
        >
          {isActive ? 'Revoke' : 'Restore'}
        </Button>
      )}
      {!isActive && (
        <Button color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setDeleting(true)}>
          Delete
        </Button>
      )}
      <DeleteTokenDialog
        token={isDeleting ? token : undefined}
        onClose={() => setDeleting(false)}
        onDeleted={() => void navigate(list)}
      />
    </Group>
  );
}
