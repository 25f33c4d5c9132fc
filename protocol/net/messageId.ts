import { createHash } from "node:crypto";

/**
 * Identity of a gossip message: sha2-256 over its topic and data. The topic is part of it because a peer
 * could otherwise bury a valid message by sending its bytes on another topic first.
 */
export function gossipMessageId(message: { readonly topic: string; readonly data: Uint8Array }): Uint8Array {
  return createHash("sha256").update(message.topic).update("\0").update(message.data).digest();
}
