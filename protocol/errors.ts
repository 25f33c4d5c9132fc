/**
 * The one error class of the project. Tests assert `code`; people read `message`, which says what was
 * wrong and what to do.
 */
export class MemoError<Code extends string = string> extends Error {
  override readonly name = "MemoError";
  readonly code: Code;
  /** Values that explain the error, safe to log. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Whether the same call may succeed later without any change by the caller. */
  readonly retryable: boolean;

  constructor(
    code: Code,
    message: string,
    options: { details?: Record<string, unknown>; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryable = options.retryable ?? false;
  }
}
