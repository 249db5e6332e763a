import type { ProgramName } from './program-name.ts';

/** What the two programs do differently, besides what they print. */
export interface Habits {
  /** A unit that is wanted like that already is passed over in silence; else it is waited for as well. */
  readonly skipsUnchanged: boolean;
  /** Global units are waited for as others are. */
  readonly waitsForGlobals: boolean;
  /** A name that the cluster does not have is no failure when something is taken away from it. */
  readonly forgivesMissing: boolean;
  /** A file with other content than the cluster has is told and not used; else nothing is stored. */
  readonly keepsOtherContent: boolean;
  /** The template of an instance is stored along with it; else the instance gets a copy. */
  readonly submitsTemplates: boolean;
  /** `status` shows no more units after one that is not active; else the worst of all counts. */
  readonly stopsAtFirstStatus: boolean;
}

export const habits: Readonly<Record<ProgramName, Habits>> = {
  musterctl: {
    skipsUnchanged: false,
    waitsForGlobals: true,
    forgivesMissing: false,
    keepsOtherContent: false,
    submitsTemplates: true,
    stopsAtFirstStatus: false,
  },
  fleetctl: {
    skipsUnchanged: true,
    waitsForGlobals: false,
    forgivesMissing: true,
    keepsOtherContent: true,
    submitsTemplates: false,
    stopsAtFirstStatus: true,
  },
};
