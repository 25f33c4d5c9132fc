import type { z } from "zod";

/** Request and response of one remote method. */
export type MethodSchemas = { readonly request: z.ZodType; readonly response: z.ZodType };
export type ProtocolMethods = Readonly<Record<string, MethodSchemas>>;

/** A versioned set of methods that two peers speak over one stream. */
export type RpcProtocol<Methods extends ProtocolMethods = ProtocolMethods> = {
  /** Without version, e.g. `/memo/provider`. */
  readonly name: string;
  /** `1.0.0`; the id on the wire is `<name>/<version>`. */
  readonly version: string;
  readonly methods: Methods;
  /** Most bytes of one frame, either way. */
  readonly maxFrameBytes: number;
};

export type RequestOf<Methods extends ProtocolMethods, Name extends keyof Methods> = z.output<
  Methods[Name]["request"]
>;
export type ResponseOf<Methods extends ProtocolMethods, Name extends keyof Methods> = z.output<
  Methods[Name]["response"]
>;

/** Keeps the literal type of a protocol. */
export function defineProtocol<const Methods extends ProtocolMethods>(
  protocol: RpcProtocol<Methods>,
): RpcProtocol<Methods> {
  return protocol;
}

/** The id under which libp2p negotiates the protocol. */
export function protocolId(protocol: { readonly name: string; readonly version: string }): string {
  return `${protocol.name}/${protocol.version}`;
}
