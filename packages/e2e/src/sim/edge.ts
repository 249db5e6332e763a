/** What a machine was last asked to do with a unit in this boot. */
export interface Edge {
  readonly job: string;
  readonly at: number;
  /** The agent noted that systemd took it: from then on it is not to be asked for again. */
  isNoted: boolean;
  /** It was up since. */
  hasRun: boolean;
  /** It went down without having been asked to, and is down still. */
  isDownByItself: boolean;
  /** musterd or its bus was in trouble then: it may have ended before it could note that. */
  readonly isTroubled: boolean;
  /** The machine may not have known then what it had been asked for: it hears of that later. */
  readonly isBehind: boolean;
}

/** Whether what was asked for then may rightly be asked for again. */
export function isToRepeat({ isNoted, isTroubled, isBehind }: Edge): boolean {
  return (!isNoted && isTroubled) || isBehind;
}
