export { Agent } from './agent.ts';
export type { AgentObserver, AgentOptions } from './agent.ts';
