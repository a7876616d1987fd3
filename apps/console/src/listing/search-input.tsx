import { CloseButton, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '../app/icons.ts';
import { useState } from 'react';
import classes from './listing.module.css';

interface SearchInputProps {
  label: string;
  value: string;
  onSearch: (text: string) => void;
}

const PAUSE_MS = 180;
/** What the API takes at most. */
const CHARACTERS_MAX = 128;

/** Searches once the typing pauses. */
export function SearchInput({ label, value, onSearch }: SearchInputProps) {
  const [text, setText] = useState(value);
  const search = useDebouncedCallback(onSearch, PAUSE_MS);
  const change = (next: string): void => {
    setText(next);
    search(next.trim());
  };
  return (
    <TextInput
      type="search"
      className={classes.search!}
      aria-label={label}
      placeholder={label}
      maxLength={CHARACTERS_MAX}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={text && <CloseButton size="sm" aria-label="Clear the search" onClick={() => change('')} />}
    />
  );
}
