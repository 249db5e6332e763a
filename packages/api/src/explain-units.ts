import { nearestWithin, NotFoundError } from '@muster/core';
import type { Clock, ClusterSnapshot, Explainer, Explanation, UnitRegistry } from '@muster/core';
import { sendJson } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { snapshotFor } from './list-snapshot.ts';
import { originOf } from './origin.ts';
import { readPlanRequest, readUnitName } from './read-request.ts';
import { readJson } from './request-body.ts';
import type { ExplanationBody, UnitsPlannedBody } from './wire.ts';
import { tryUnits } from './write-units.ts';

export interface ExplainOptions {
  readonly units: UnitRegistry;
  readonly explainer: Explainer;
  readonly self: { readonly hostname: string };
  readonly clock: Clock;
}

/** Any musterd answers, from its picture of the store; the leader need not be there. */
export async function getExplanation(
  exchange: Exchange,
  { units, explainer, clock }: ExplainOptions,
): Promise<void> {
  const name = readUnitName(exchange.params['name'] ?? '');
  const snapshot = await snapshotFor(exchange, { units, clock });
  const explanation = explainer.explain(snapshot, name);
  if (explanation === null) throw new NotFoundError(missing(name, snapshot));
  const body: ExplanationBody = { revision: snapshot.revision, ...explanation };
  sendJson(exchange.res, 200, body);
}

/** What a write would do; it writes nothing. */
export async function postPlan(
  exchange: Exchange,
  { units: registry, explainer, self, clock }: ExplainOptions,
): Promise<void> {
  const { req, res } = exchange;
  const { units: requests, destroy } = readPlanRequest(await readJson(exchange));
  const tried = await tryUnits(registry, requests, originOf(req, self.hostname, clock.now()));
  const snapshot = (await registry.cluster()).snapshot();
  // Later than everything that is stored, as the write would be.
  const next = snapshot.revision + 1;
  const { units, others } = explainer.preview(snapshot, {
    units: tried.map(({ unit }) => {
      const { createRevision } = unit;
      return { ...unit, createRevision: createRevision === 0 ? next : createRevision };
    }),
    files: new Map(
      tried.flatMap(({ unit, file }) => (file === null ? [] : [[unit.hash, file] as const])),
    ),
    destroyed: destroy,
  });
  const explanations = new Map(units.map((each) => [each.unit, each]));
  const body: UnitsPlannedBody = {
    revision: snapshot.revision,
    units: tried.flatMap(({ result }) => {
      const explanation = explanations.get(result.name);
      return explanation === undefined ? [] : [{ ...result, explanation: inShort(explanation) }];
    }),
    others,
  };
  sendJson(res, 200, body);
}

/** Of a unit that has a place, what other machines say is of no interest. */
function inShort({ machines, ...explanation }: Explanation): Explanation {
  if (explanation.status !== 'placed') return { ...explanation, machines };
  const own = machines.filter(({ verdict }) => verdict === 'holds' || verdict === 'takes');
  return { ...explanation, machines: own };
}

function missing(name: string, { units }: ClusterSnapshot): string {
  const near = nearestWithin(name, units.keys(), Math.max(2, Math.floor(name.length / 4)));
  const hint = near === null ? '' : `; the nearest name is "${near}"`;
  return `unit "${name}" does not exist${hint}`;
}
