export { Agent } from './agent.ts';
export type { AgentOptions } from './agent.ts';
