import { absentLines } from './absent-lines.ts';
import { rebalanceLines } from './rebalance-lines.ts';
import type { ClusterBody } from '@muster/api/client';

/** What `musterctl status` says of the cluster as a whole. */
export function clusterLines(cluster: ClusterBody): string[] {
  const { counts, leader, problems, corrupt } = cluster;
  const away = counts.away === 0 ? '' : `, ${counts.away} of them away`;
  const { launched, loaded, inactive } = counts.units;
  const failing = failingWords(counts);
  const lines = [
    `Cluster ${cluster.id} at revision ${cluster.revision}`,
    `  Leader: ${leader === null ? 'none: nothing is placed now' : leader.machine}`,
    `  Machines: ${counts.machines}${away}`,
    `  Units: ${launched} launched, ${loaded} loaded, ${inactive} inactive`,
    ...policyLines(cluster.policy),
    ...(failing === null ? [] : [`  Failing: ${failing}`]),
    ...rebalanceLines(cluster.rebalance),
    ...absentLines(cluster.brake, cluster.absent),
  ];
  if (problems.length > 0) {
    lines.push('  Units that could not be dealt with:');
    for (const { unit, machine, problem } of problems) {
      lines.push(`    ${unit} on ${machine.slice(0, 8)}...: ${problem}`);
    }
  }
  if (corrupt.length > 0) {
    lines.push('  Records in etcd that do not parse, and are left alone:');
    for (const { key, problem } of corrupt) lines.push(`    ${key}: ${problem}`);
  }
  return lines;
}

function policyLines({ placement, rebalance, origin }: ClusterBody['policy']): string[] {
  const by = origin === null ? '' : `, set by ${origin.by}`;
  return [
    ...(placement === 'spread' ? [] : [`  Placement: ${placement}${by}`]),
    ...(rebalance === 'auto' ? [`  Rebalancing: by itself${by}`] : []),
  ];
}

/** null: there is nothing to say. */
function failingWords({ failed, flapping }: ClusterBody['counts']): string | null {
  const words = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(flapping > 0 ? [`${flapping} restarted again and again`] : []),
  ];
  return words.length === 0 ? null : words.join(', ');
}
