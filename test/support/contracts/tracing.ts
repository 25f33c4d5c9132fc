import { artifacts } from "hardhat";
import type { Address, PublicClient, TransactionReceipt } from "viem";
import { createContractNames, type NamedCode } from "../../../scripts/bench/gas/contractNames.ts";
import { type GasReport, reportGas } from "../../../scripts/bench/gas/report.ts";
import { chainOf } from "./chain.ts";

type Names = ReturnType<typeof createContractNames>;

/** Names of a chain's contracts: looking one up takes its code. */
const namesOf = new WeakMap<PublicClient, Promise<Names>>();

async function createNames(client: PublicClient): Promise<Names> {
  const known: NamedCode[] = [];
  for (const name of await artifacts.getAllFullyQualifiedNames()) {
    const artifact = await artifacts.readArtifact(name);
    if (name.startsWith("contracts/") && artifact.deployedBytecode.length > 2)
      known.push(artifact as NamedCode);
  }
  return createContractNames(known, (address: Address) => client.getCode({ address }));
}

/** Where the gas of a transaction of a test's chain went. */
export async function traceOf(receipt: TransactionReceipt): Promise<GasReport> {
  const client = chainOf(receipt);
  const names = namesOf.get(client) ?? createNames(client);
  namesOf.set(client, names);
  return await reportGas(client, receipt.transactionHash, await names);
}
