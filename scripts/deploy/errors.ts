import { HardhatError } from "@nomicfoundation/hardhat-errors";
import { MemoError } from "../../protocol/errors.ts";

const { ENV_VAR_NOT_FOUND, INVALID_GLOBAL_CHAIN_ID } = {
  ...HardhatError.ERRORS.CORE.GENERAL,
  ...HardhatError.ERRORS.CORE.NETWORK,
};

/** What a deployer can do about an error of Hardhat's, where there is more to say than Hardhat says. */
export function explainError(error: unknown, network: string): unknown {
  if (HardhatError.isHardhatError(error, ENV_VAR_NOT_FOUND)) {
    const { name } = error.messageArguments as { readonly name: string };
    return new MemoError(
      "SETTING_MISSING",
      `${network} needs ${name}: put it into Hardhat's keystore (node node_modules/hardhat/dist/src/cli.js keystore set ${name}), or into the environment.`,
      { details: { name }, cause: error },
    );
  }
  if (HardhatError.isHardhatError(error, INVALID_GLOBAL_CHAIN_ID)) {
    const { configChainId, connectionChainId } = error.messageArguments as Readonly<Record<string, number>>;
    return new MemoError(
      "CHAIN_ID_WRONG",
      `${network} has the chain id ${configChainId}, the node that was asked is of ${connectionChainId}: give the JSON-RPC of ${network}.`,
      { details: { network, expected: configChainId, found: connectionChainId }, cause: error },
    );
  }
  return error;
}
