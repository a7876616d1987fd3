import { Button } from '@mantine/core';
import { Link } from 'react-router';
import { EmptyNotice } from '../notices/empty-notice.tsx';
import { useDocumentTitle } from './use-document-title.ts';

/** At an address where there is nothing, or nothing for this person. */
export function NotFoundPage() {
  useDocumentTitle('Not found');
  return (
    <EmptyNotice
      order={1}
      title="There is nothing here"
      text="The address is wrong, or what was here has been deleted, or it is not yours to see."
      action={
        <Button component={Link} to="/settings/tokens" variant="default" mt="xs">
          Go to the tokens
        </Button>
      }
    />
  );
}
