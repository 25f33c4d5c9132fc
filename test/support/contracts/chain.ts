import assert from "node:assert/strict";
import { network } from "hardhat";
import {
  type Abi,
  type Address,
  BaseError,
  ContractFunctionExecutionError,
  ContractFunctionRevertedError,
  decodeErrorResult,
  type Hex,
  type Log,
  type PublicClient,
  type TransactionReceipt,
  type WalletClient,
} from "viem";
import { type HDAccount, mnemonicToAccount } from "viem/accounts";

const MNEMONIC = "test test test test test test test test test test test junk";

/** Deriving a key takes 2,048 rounds of a hash; tests ask for the same few again and again. */
const accounts = new Map<number, HDAccount>();

/** One of the chain's 64 accounts, with its key. */
export function testAccount(addressIndex: number): HDAccount {
  const account = accounts.get(addressIndex) ?? mnemonicToAccount(MNEMONIC, { addressIndex });
  accounts.set(addressIndex, account);
  return account;
}

/** Chains of receipts, for whoever asks afterwards where the gas went. */
const chains = new WeakMap<TransactionReceipt, PublicClient>();

/** The chain that a receipt of `send` comes from. */
export function chainOf(receipt: TransactionReceipt): PublicClient {
  const client = chains.get(receipt);
  assert.ok(client !== undefined, "the receipt is not of a test's chain");
  return client;
}

export type TestChain = Awaited<ReturnType<typeof createTestChain>>;

/** A Hardhat chain in this process that mines each transaction at once. */
export async function createTestChain() {
  const connection = await network.create();
  const publicClient = (await connection.viem.getPublicClient()) as unknown as PublicClient;
  const [wallet] = (await connection.viem.getWalletClients()) as unknown as WalletClient[];
  const chainId = await publicClient.getChainId();

  async function deploy(name: string, args: readonly unknown[] = []): Promise<Address> {
    const contract = await connection.viem.deployContract(name as never, args as never);
    return (contract as unknown as { address: Address }).address;
  }

  /** Simulates, so that a revert comes with its error, then sends and returns the receipt. */
  async function send(call: {
    address: Address;
    abi: Abi;
    functionName: string;
    args?: readonly unknown[];
    account?: Address;
    value?: bigint;
    /** Otherwise the chain estimates, at a price of zero. */
    gas?: bigint;
    maxFeePerGas?: bigint;
  }): Promise<TransactionReceipt> {
    const account = call.account ?? testAccount(0).address;
    const { request } = await publicClient.simulateContract({ ...call, account } as never);
    const hash = await wallet!.writeContract({ ...(request as object), account, chain: null } as never);
    const receipt = await publicClient.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, "success");
    chains.set(receipt, publicClient);
    return receipt;
  }

  async function read<T>(
    address: Address,
    abi: Abi,
    functionName: string,
    args: readonly unknown[] = [],
  ): Promise<T> {
    return (await publicClient.readContract({ address, abi, functionName, args } as never)) as T;
  }

  async function time(): Promise<number> {
    return Number((await publicClient.getBlock()).timestamp);
  }

  return {
    chainId,
    publicClient,
    wallet: wallet!,
    deploy,
    send,
    read,
    time,
    helpers: connection.networkHelpers,
    close: () => connection.close(),
  };
}

/** Name and arguments of the error that a call reverted with. */
function revertOf(thrown: BaseError): [name: string | undefined, args: readonly unknown[]] {
  const reverted = thrown.walk((cause) => cause instanceof ContractFunctionRevertedError);
  if (reverted instanceof ContractFunctionRevertedError) {
    return [reverted.data?.errorName ?? reverted.signature ?? reverted.reason, reverted.data?.args ?? []];
  }
  // Where the compiler has merged the ends of functions the chain does not know its own error.
  const [, data] = /return data: (0x[0-9a-f]+)/.exec(thrown.details) ?? [];
  assert.ok(thrown instanceof ContractFunctionExecutionError && data !== undefined, thrown.message);
  const { errorName, args } = decodeErrorResult({ abi: thrown.abi, data: data as Hex });
  return [errorName, args ?? []];
}

/** Name of the custom error that a call reverted with; undefined when it threw something else. */
export function errorNameOf(thrown: unknown): string | undefined {
  return thrown instanceof BaseError ? revertOf(thrown)[0] : undefined;
}

/** Asserts that a call reverts with a custom error and, when given, these arguments. */
export async function rejectsWith(promise: Promise<unknown>, error: string, args?: readonly unknown[]) {
  await assert.rejects(promise, (thrown: unknown) => {
    assert.ok(thrown instanceof BaseError, String(thrown));
    const [name, values] = revertOf(thrown);
    assert.equal(name, error, thrown.message);
    if (args !== undefined) assert.deepEqual(values, args);
    return true;
  });
}

/** Logs of one contract. */
export function logsOf(receipt: TransactionReceipt, address: Address): Log[] {
  return receipt.logs.filter((log) => log.address.toLowerCase() === address.toLowerCase());
}
