/** What epoch arithmetic needs of a group's parameters; all in seconds of chain time. */
export type EpochParameters = {
  readonly genesis: number;
  readonly epochLength: number;
  readonly seedDelay: number;
  readonly answerWindow: number;
  /** Epochs in a term. */
  readonly termLength: number;
};

/** Epoch at `timestamp`; −1 or less before genesis. */
export function epochAt(parameters: EpochParameters, timestamp: number): number {
  return Math.floor((timestamp - parameters.genesis) / parameters.epochLength);
}

/** First second of an epoch. */
export function epochStart(parameters: EpochParameters, epoch: number): number {
  return parameters.genesis + epoch * parameters.epochLength;
}

/** The seed is drawn from the first block with at least this timestamp. */
export function seedTime(parameters: EpochParameters, epoch: number): number {
  return epochStart(parameters, epoch) + parameters.seedDelay;
}

/** Answers count until the first block with at least this timestamp. */
export function cutoffTime(parameters: EpochParameters, epoch: number): number {
  return seedTime(parameters, epoch) + parameters.answerWindow;
}

/** Term that an epoch belongs to. */
export function termOf(parameters: EpochParameters, epoch: number): number {
  return Math.floor(epoch / parameters.termLength);
}

/** Whether `epoch` is the last one of its term, in which the next roster can be written. */
export function isLastOfTerm(parameters: EpochParameters, epoch: number): boolean {
  return (epoch + 1) % parameters.termLength === 0;
}
