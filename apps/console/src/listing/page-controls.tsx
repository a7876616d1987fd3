import { Group, Pagination, Text } from '@mantine/core';

interface PageControlsProps {
  page: number;
  size: number;
  total: number;
  /** What is listed: one, and several. */
  nouns: readonly [string, string];
  onPage: (page: number) => void;
}

const count = new Intl.NumberFormat('en');
const CONTROL_LABELS = {
  first: 'First page',
  previous: 'Previous page',
  next: 'Next page',
  last: 'Last page',
} as const;

/** Which part of a list is shown, and the way to the others. */
export function PageControls({ page, size, total, nouns, onPage }: PageControlsProps) {
  const first = (page - 1) * size + 1;
  const pages = Math.max(1, Math.ceil(total / size));
  return (
    <Group justify="space-between" mt="sm" gap="sm">
      <Text size="sm" c="dimmed" role="status">
        {pages > 1 && `${count.format(first)}–${count.format(Math.min(total, first + size - 1))} of `}
        {total === 0 ? 'No' : count.format(total)} {nouns[total === 1 ? 0 : 1]}
      </Text>
      {pages > 1 && (
        <Pagination
          component="nav"
          aria-label="Pages"
          value={page}
          total={pages}
          onChange={onPage}
          size="sm"
          siblings={1}
          withEdges={false}
          getItemProps={(item) => ({ 'aria-label': `Page ${item}` })}
          getControlProps={(control) => ({ 'aria-label': CONTROL_LABELS[control] })}
        />
      )}
    </Group>
  );
}
