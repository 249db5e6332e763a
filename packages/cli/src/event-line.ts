import type { EventBody } from '@muster/api/client';
import { paintCell } from './table.ts';
import type { Cell } from './table.ts';

const timeWidth = '2006-01-02T15:04:05.000+01:00'.length;
const typeWidth = 'metadata-changed'.length;

/** One line for people: when, in local time, what kind of thing, and the sentence. */
export function eventLine(event: EventBody, hasColour: boolean): string {
  const time = event.time === null ? '-' : localTime(new Date(event.time));
  const type = paintCell(typeCell(event), typeWidth, hasColour);
  return `${time.padEnd(timeWidth)}  ${type}  ${event.text}`;
}

const colours: Readonly<Partial<Record<EventBody['type'], 'red' | 'yellow'>>> = {
  'machine-left': 'red',
  'record-corrupt': 'red',
  'machine-away': 'yellow',
  'leader-lost': 'yellow',
};

function typeCell(event: EventBody): Cell {
  const text = event.type;
  if (event.type !== 'unit-state') {
    const colour = colours[event.type];
    return colour === undefined ? text : { text, colour };
  }
  const { activeState, problem } = event.details.to ?? {};
  if (activeState === 'failed' || problem != null) return { text, colour: 'red' };
  return activeState === 'active' ? { text, colour: 'green' } : text;
}

/** ISO 8601 with milliseconds and the zone's offset. */
function localTime(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
  const digits = (n: number): string => String(n).padStart(2, '0');
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? '-' : '+'}${digits(Math.floor(size / 60))}:${digits(size % 60)}`;
}
