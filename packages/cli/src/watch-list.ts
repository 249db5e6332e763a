import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from './context.ts';
import { UsageError } from './errors.ts';
import { isAway } from './is-away.ts';
import { tableLines } from './list.ts';
import type { Columns, ListOptions } from './list.ts';
import { untilInterrupted } from './until-interrupted.ts';

/** What a list shows at one moment. */
interface Look<T> {
  readonly revision: number;
  readonly items: readonly T[];
  readonly columns: Columns<T>;
}

export interface WatchPlan<T> {
  readonly options: ListOptions;
  /** Resolves when there may be something newer than the revision, or after some time. */
  readonly read: (newerThan: number, signal: AbortSignal) => Promise<Look<T>>;
  /** What stays the same while an item changes. */
  readonly keyOf: (item: T) => string;
  /** What is shown once of an item that is gone. */
  readonly goneOf: (item: T) => T;
}

/** Not more often than this the list is looked at. */
const restMs = 1000;

/**
 * Shows a list until Ctrl-C: on a terminal it is kept up to date in place; else it is printed once,
 * and then the rows that change. While musterd cannot be reached that is told, once, and tried again.
 * @throws {UsageError} for a format that shows no changes @throws what the first look throws
 */
export async function watchList<T>(context: Context, plan: WatchPlan<T>): Promise<void> {
  const view = openView(context, plan);
  try {
    await untilInterrupted((signal) => follow(plan, view, signal));
  } finally {
    view.close();
  }
}

async function follow<T>(plan: WatchPlan<T>, view: View<T>, signal: AbortSignal): Promise<void> {
  let revision: number | null = null;
  let isLost = false;
  while (!signal.aborted) {
    const rest = sleep(restMs, undefined, { signal }).catch(() => {});
    try {
      const look = await plan.read(revision ?? 0, signal);
      if (isLost) view.tell('musterd answers again');
      isLost = false;
      view.show(look);
      ({ revision } = look);
    } catch (error) {
      if (signal.aborted) return;
      if (revision === null || !isAway(error)) throw error;
      if (!isLost) view.tell(`${error.message}; trying again`);
      isLost = true;
    }
    await rest;
  }
}

interface View<T> {
  show(look: Look<T>): void;
  tell(text: string): void;
  close(): void;
}

function openView<T>(context: Context, plan: WatchPlan<T>): View<T> {
  const { output } = plan.options;
  if (output === 'json') return jsonView(context, plan);
  if (output !== 'table' && output !== 'wide') {
    throw new UsageError('--watch shows a table, or with -o json an object a line');
  }
  const screen = context.terminal.openScreen();
  if (screen === null) return rowsView(context, plan);
  let lines: readonly string[] = [];
  return {
    show: ({ columns, items }) => {
      const { header, rows } = tableLines(context, columns, plan.options, items);
      lines = [...header, ...rows];
      screen.draw(lines);
    },
    tell: (text) => screen.draw([...lines, text]),
    close: () => screen.close(),
  };
}

/** The table, then each row that reads differently, or is gone. */
function rowsView<T>(context: Context, plan: WatchPlan<T>): View<T> {
  const { terminal } = context;
  let before: ReadonlyMap<string, { readonly item: T; readonly row: string }> | null = null;
  return {
    show: ({ columns, items }) => {
      const gone = goneItems(before, items, plan);
      const { header, rows } = tableLines(context, columns, plan.options, [...items, ...gone]);
      if (before === null) for (const line of header) terminal.print(line);
      const after = new Map<string, { item: T; row: string }>();
      for (const [i, item] of [...items, ...gone].entries()) {
        const row = rows[i] ?? '';
        const key = plan.keyOf(item);
        const known = before?.get(key)?.row;
        // The columns may have become wider.
        if (known === undefined || squeezed(known) !== squeezed(row)) terminal.print(row);
        if (i < items.length) after.set(key, { item, row });
      }
      before = after;
    },
    tell: (text) => terminal.complain(text),
    close: () => {},
  };
}

function squeezed(row: string): string {
  return row.replace(/\s+/g, ' ');
}

/** Each item as a line of JSON, then each that changes; of one that is gone its key fields and `gone`. */
function jsonView<T>({ terminal }: Context, plan: WatchPlan<T>): View<T> {
  let before: ReadonlyMap<string, { readonly item: T; readonly text: string }> | null = null;
  return {
    show: ({ items }) => {
      const after = new Map<string, { item: T; text: string }>();
      for (const item of items) {
        const key = plan.keyOf(item);
        const text = JSON.stringify(item);
        if (before?.get(key)?.text !== text) terminal.print(text);
        after.set(key, { item, text });
      }
      for (const item of goneItems(before, items, plan)) terminal.print(JSON.stringify(item));
      before = after;
    },
    tell: (text) => terminal.complain(text),
    close: () => {},
  };
}

function goneItems<T>(
  before: ReadonlyMap<string, { readonly item: T }> | null,
  items: readonly T[],
  { keyOf, goneOf }: WatchPlan<T>,
): T[] {
  if (before === null) return [];
  const left = new Set(items.map(keyOf));
  return [...before].filter(([key]) => !left.has(key)).map(([, { item }]) => goneOf(item));
}
