import { verifyContract } from "@nomicfoundation/hardhat-verify/verify";
import { getVerificationInformation } from "@nomicfoundation/ignition-core";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { MemoError } from "../../protocol/errors.ts";
import type { Explorer } from "./options.ts";

/**
 * Shows explorers the sources of everything that a journal deployed. The contracts of a group are clones that
 * explorers tie to their logic by themselves.
 * @throws SOURCES_NOT_VERIFIED, after all of them were tried
 */
export async function verifySources(options: {
  readonly hre: HardhatRuntimeEnvironment;
  readonly folder: string;
  readonly explorers: readonly Explorer[];
  readonly say: (line: string) => void;
}): Promise<void> {
  const { hre, folder, explorers, say } = options;
  const failures: string[] = [];
  for await (const information of getVerificationInformation(folder)) {
    if (typeof information === "string") {
      failures.push(`${information}: the journal has lost its artifact`);
      continue;
    }
    const { address, constructorArgs, libraries, contract, creationTxHash } = information;
    const creation = creationTxHash === undefined ? {} : { creationTxHash };
    const verifyOn = async (provider: Explorer): Promise<void> => {
      try {
        await verifyContract({ address, constructorArgs, libraries, contract, provider, ...creation }, hre);
        say(`  ${contract.replace(/^.*:/, "")} is verified on ${provider}`);
      } catch (error) {
        failures.push(
          `${contract} on ${provider}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    };
    await Promise.all(explorers.map(verifyOn));
  }
  if (failures.length === 0) return;
  throw new MemoError(
    "SOURCES_NOT_VERIFIED",
    `Everything is deployed, but ${failures.length} verifications failed; run the command again with --verify:\n${failures.join("\n")}`,
    { details: { failures }, retryable: true },
  );
}
