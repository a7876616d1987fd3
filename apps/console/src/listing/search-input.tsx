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

/** Searches once the typing pauses. When something else changes what is searched for (a link, the way back), it shows that. */
export function SearchInput({ label, value, onSearch }: SearchInputProps) {
  const [text, setText] = useState(value);
  const [sent, setSent] = useState(value);
  const [seen, setSeen] = useState(value);
  const search = useDebouncedCallback((next: string) => {
    setSent(next);
    onSearch(next);
  }, PAUSE_MS);
  const change = (next: string): void => {
    setText(next);
    search(next.trim());
  };
  if (value !== seen) {
    setSeen(value);
    const isTyping = text.trim() !== sent;
    if (value !== sent && !isTyping) {
      setSent(value);
      setText(value);
    }
  }
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
