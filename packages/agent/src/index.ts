export { Agent } from './agent.ts';
export type { AgentObserver, AgentOptions } from './agent.ts';
export { AssignmentKeeper } from './assignment-keeper.ts';
export { WithoutStore, whyBarred } from './without-store.ts';
