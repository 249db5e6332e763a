import type { CallObserver } from '@muster/core';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** Seconds: from a call on this machine to what is long for a person. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 5];

/** Makes metrics of one exposition. */
export class MetricMaker {
  readonly #registers: [Registry];

  constructor(registers: Registry) {
    this.#registers = [registers];
  }

  counter<T extends string>(name: string, help: string, labelNames: T[] = []): Counter<T> {
    return new Counter({ name, help, labelNames, registers: this.#registers });
  }

  gauge<T extends string>(name: string, help: string, labelNames: T[] = []): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: this.#registers });
  }

  seconds<T extends string>(name: string, help: string, labelNames: T[] = []): Histogram<T> {
    return new Histogram({ name, help, labelNames, buckets, registers: this.#registers });
  }

  /** @param look - asked whenever the metrics are; must not decrease */
  total(name: string, help: string, look: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers: this.#registers,
      collect: () => {
        counter.reset();
        counter.inc(look());
      },
    });
  }

  /** @param look - asked whenever the metrics are; null: the metric has no value now */
  looked(name: string, help: string, look: () => number | null): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: this.#registers,
      collect: () => {
        const value = look();
        if (value === null) gauge.remove();
        else gauge.set(value);
      },
    });
  }

  /** The same with a value for each value of a label. */
  lookedBy(
    label: string,
    { name, help }: { name: string; help: string },
    look: () => ReadonlyMap<string, number>,
  ): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: this.#registers,
      collect: () => {
        gauge.reset();
        for (const [value, count] of look()) gauge.set({ [label]: value }, count);
      },
    });
  }

  /** Numbers and durations of calls, by what `label` is called there. */
  calls(what: { prefix: string; label: string; of: string }): CallObserver {
    const { prefix, label, of } = what;
    const durations = this.seconds(
      `${prefix}_duration_seconds`,
      `How long ${of} took, by ${label}.`,
      [label],
    );
    const calls = this.counter(
      `${prefix}s_total`,
      `Number of ${of}, by ${label} and how they ended: ok, refused, or unanswered.`,
      [label, 'result'],
    );
    return (operation) => {
      const began = performance.now();
      return (result) => {
        durations.observe({ [label]: operation }, (performance.now() - began) / 1000);
        calls.inc({ [label]: operation, result });
      };
    };
  }
}
