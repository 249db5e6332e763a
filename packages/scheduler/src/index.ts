export { createExplainer } from './explainer.ts';
export { planPlacements } from './plan.ts';
export type { PlanOptions, Unplaced } from './draft.ts';
export type { Plan } from './plan.ts';
export { buildModel } from './model-keeper.ts';
export type { CandidateCache, Model } from './model.ts';
export { Planner } from './planner.ts';
export { Scheduler } from './scheduler.ts';
export type { PlanCounts, SchedulerObserver, SchedulerOptions } from './scheduler.ts';
