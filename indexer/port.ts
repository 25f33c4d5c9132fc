import { createServer } from "node:net";
import { MemoError } from "../protocol/errors.ts";

/**
 * Binds the port once and lets it go, because Ponder itself silently moves on to the next port.
 *
 * @param port 0 picks a free one.
 * @returns the port that was free.
 * @throws MemoError `PORT_IN_USE`, or `PORT_UNUSABLE` when the system refuses it for another reason.
 */
export async function claimPort(host: string, port: number): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  } catch (cause) {
    if (hasCode(cause, "EADDRINUSE")) throw portInUse(host, port, cause);
    throw new MemoError("PORT_UNUSABLE", `Cannot listen on ${host}:${port}; choose another port.`, {
      details: { host, port },
      cause,
    });
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** The error for a port that somebody else holds. */
export function portInUse(host: string, port: number, cause?: unknown): MemoError {
  return new MemoError(
    "PORT_IN_USE",
    `Port ${port} on ${host} is in use; stop what listens there or choose another port.`,
    { details: { host, port }, cause },
  );
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
