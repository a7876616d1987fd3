import { Button, Group, Loader, Stack, Text, Title } from '@mantine/core';
import { IconTerminal2 } from '../app/icons.ts';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import { cliDecide, cliPreview } from '../api/generated/operations.gen.ts';
import type { CliPreviewData, CliPreviewDto } from '../api/generated/types.gen.ts';
import { ApiError, messageOf } from '../api/problem.ts';
import { useDocumentTitle } from '../app/use-document-title.ts';
import { FailureNotice } from '../notices/failure-notice.tsx';
import { Notice } from '../notices/notice.tsx';
import { useCurrentUser } from '../sign-in/session.ts';
import classes from './cli-authorize-page.module.css';

type CliRequest = CliPreviewData['query'];

const FIELDS = ['redirect_uri', 'state', 'hostname', 'code_challenge', 'code_challenge_method'] as const;

/** Asks whether a program may have a token. The server says first whether the program asks properly. */
export function CliAuthorizePage() {
  useDocumentTitle('A program asks for access');
  const [parameters] = useSearchParams();
  const request = Object.fromEntries(
    FIELDS.flatMap((field) => (parameters.has(field) ? [[field, parameters.get(field)]] : [])),
  ) as unknown as CliRequest;
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ['cli', request],
    queryFn: async ({ signal }) => (await cliPreview({ query: request, signal })).data,
    staleTime: Infinity,
  });

  return (
    <main className={classes.page}>
      <div className={classes.card}>
        {data ? (
          <Question request={request} preview={data} />
        ) : !error ? (
          <Loader aria-label="Loading" />
        ) : error instanceof ApiError && error.isOutage ? (
          <FailureNotice error={error} onRetry={() => void refetch()} isRetrying={isFetching} />
        ) : (
          <Refusal error={error} />
        )}
      </div>
    </main>
  );
}

function Refusal({ error }: { error: Error }) {
  const errors = error instanceof ApiError ? error.errors : [];
  return (
    <Stack gap="md">
      <Title order={1}>This request can’t be approved</Title>
      <Notice tone="danger">
        {errors.length > 0
          ? errors.map(({ field, message }) => (
              <div key={field}>{message.startsWith(field) ? message : `${field} ${message}`}</div>
            ))
          : messageOf(error)}
      </Notice>
      <Text size="sm" c="dimmed">
        The program that opened this page asks for something that Portcullis doesn’t allow. Nothing has been sent to it.
        You can close this page.
      </Text>
    </Stack>
  );
}

function Question({ request, preview }: { request: CliRequest; preview: CliPreviewDto }) {
  const user = useCurrentUser();
  const decision = useMutation({
    mutationFn: (answer: 'approve' | 'deny') => cliDecide({ body: { ...request, decision: answer } }),
    onSuccess: ({ data }) => window.location.assign(data.redirect_to),
  });
  const isDecided = decision.isPending || decision.isSuccess;
  return (
    <Stack gap="md">
      <IconTerminal2 size={36} stroke={1.5} aria-hidden />
      <Title order={1}>Let a program on {request.hostname} in?</Title>
      <Text size="sm">
        It gets a token that can do what you can do, until you revoke it. Approve only if you have just started it
        yourself.
      </Text>
      <dl className={classes.facts}>
        <dt>Signed in as</dt>
        <dd>{user.name}</dd>
        <dt>Token</dt>
        <dd>{preview.token_name}</dd>
        <dt>Expires</dt>
        <dd>in {preview.expires_in_days} days</dd>
        <dt>Sent to</dt>
        <dd>
          <code>{preview.redirect_origin}</code>
        </dd>
      </dl>
      {decision.error && <Notice tone="danger">{messageOf(decision.error)}</Notice>}
      <Group grow>
        <Button
          variant="default"
          loading={isDecided && decision.variables === 'deny'}
          disabled={isDecided}
          onClick={() => decision.mutate('deny')}
        >
          Decline
        </Button>
        <Button
          loading={isDecided && decision.variables === 'approve'}
          disabled={isDecided}
          onClick={() => decision.mutate('approve')}
        >
          Approve
        </Button>
      </Group>
    </Stack>
  );
}
