import { convertCssVariables, defaultCssVariablesResolver, DEFAULT_THEME, mergeMantineTheme } from '@mantine/core';
import type { Plugin } from 'vite';
import { cssVariables, theme } from '../src/app/theme.ts';

const ID = 'virtual:theme.css';

/** Writes the theme into the stylesheet at build time: Mantine would add it as an inline style, which the policy of the page forbids. */
export function themeStylesheet(): Plugin {
  return {
    name: 'theme-stylesheet',
    resolveId: (id) => (id === ID ? `\0${ID}` : undefined),
    load: (id) => (id === `\0${ID}` ? stylesheet() : undefined),
  };
}

function stylesheet(): string {
  const merged = mergeMantineTheme(DEFAULT_THEME, theme);
  const [own, all] = [cssVariables(merged), defaultCssVariablesResolver(merged)];
  return convertCssVariables(
    {
      variables: { ...all.variables, ...own.variables },
      light: { ...all.light, ...own.light },
      dark: { ...all.dark, ...own.dark },
    },
    ':root',
  );
}
