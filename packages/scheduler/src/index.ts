export { planPlacements } from './plan.ts';
export type { Plan, PlanOptions, Unplaced } from './plan.ts';
export { buildModel } from './model.ts';
export type { CandidateCache, Model } from './model.ts';
export { Scheduler } from './scheduler.ts';
export type { SchedulerObserver, SchedulerOptions } from './scheduler.ts';
