import { readdirSync } from 'node:fs';
import type { MetricMaker } from './metric-maker.ts';

/**
 * What monitoring knows of every process, under the names that it knows. prom-client's own set is
 * not used: it measures the event loop with a timer that wakes an idle process all the time.
 */
export function addProcessMetrics(make: MetricMaker): void {
  make.total('process_cpu_seconds_total', 'CPU time of this process, user and system.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  const startedAt = Date.now() / 1000 - process.uptime();
  make.looked('process_start_time_seconds', 'When it started, since the epoch.', () => startedAt);
  make.looked('process_resident_memory_bytes', 'Memory that is resident.', () =>
    process.memoryUsage.rss(),
  );
  // The descriptor that this look itself needs is not counted.
  make.looked(
    'process_open_fds',
    'Open file descriptors.',
    () => readdirSync('/proc/self/fd').length - 1,
  );
  make.looked(
    'nodejs_heap_size_total_bytes',
    "Size of JavaScript's heap.",
    () => process.memoryUsage().heapTotal,
  );
  make.looked(
    'nodejs_heap_size_used_bytes',
    "Used part of JavaScript's heap.",
    () => process.memoryUsage().heapUsed,
  );
}
