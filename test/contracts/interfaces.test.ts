import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Abi, type AbiFunction, type Address, type Hex, numberToHex, toFunctionSelector } from "viem";
import { groupFactoryAbi } from "../../protocol/abi/generated/GroupFactory.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { testAccount } from "../support/contracts/chain.ts";
import { artifactAbi, CHAIN_FACTS } from "../support/contracts/factory.ts";
import { createGroup, type Group } from "../support/contracts/group.ts";

/** What each place of a group asks for. */
const INTERFACES = {
  staking: "IStaking",
  orders: "IStorageOrders",
  settlement: "IChallengeSettlement",
  disputes: "IDisputes",
  repairs: "IRepairs",
  allowances: "IAllowances",
} as const;
type Place = keyof typeof INTERFACES;
const PLACES = Object.keys(INTERFACES) as Place[];
const IERC165: Hex = "0x01ffc9a7";
/** Functions of the standards' interfaces: `supportsInterface`, `eip712Domain`. */
const STANDARD: readonly Hex[] = [IERC165, "0x84b0196e"];

/** What the interfaces of a group inherit from. */
const BASES = ["IGroup", "IPermitCalls"];

let group: Group;
let logic: Record<Place, Address>;
before(async () => {
  group = await createGroup({ providers: 0 });
  logic = await group.chain.read(group.factory, groupFactoryAbi as Abi, "implementations");
});
after(() => group.chain.close());

const selectorsOf = (abi: Abi) =>
  abi.filter((item): item is AbiFunction => item.type === "function").map((item) => toFunctionSelector(item));

/** ERC-165: the selectors of the interface's own functions, exclusively or-ed. */
async function interfaceId(name: string): Promise<Hex> {
  const inherited = new Set<Hex>(STANDARD);
  for (const base of BASES.filter((it) => it !== name)) {
    for (const selector of selectorsOf(await artifactAbi(base))) inherited.add(selector);
  }
  const own = selectorsOf(await artifactAbi(name)).filter((selector) => !inherited.has(selector));
  assert.ok(own.length > 0);
  const id = own.reduce((sum, selector) => sum ^ BigInt(selector), 0n);
  return numberToHex(id, { size: 4 });
}

const supports = async (address: Address, id: Hex) =>
  await group.chain.read<boolean>(address, stakingAbi as Abi, "supportsInterface", [id]);

test("every contract of a group says by ERC-165 what it is, and nothing else", async () => {
  const contracts = await group.chain.read<Record<Place, Address>>(
    group.staking,
    stakingAbi as Abi,
    "groupContracts",
  );
  const iGroup = await interfaceId("IGroup");
  for (const place of PLACES) {
    for (const address of [contracts[place], logic[place]]) {
      assert.equal(await supports(address, IERC165), true);
      assert.equal(await supports(address, iGroup), true);
      assert.equal(await supports(address, "0xffffffff"), false);
      for (const other of PLACES) {
        const id = await interfaceId(INTERFACES[other]);
        assert.equal(await supports(address, id), other === place, `${place} as ${INTERFACES[other]}`);
      }
    }
  }
});

test("a factory refuses logic in the wrong place", async () => {
  const deploy = (overrides: Partial<Record<Place, Address>>) =>
    group.chain.deploy("GroupFactory", [{ ...logic, ...overrides }, CHAIN_FACTS]);
  for (const place of PLACES) {
    const other = PLACES[(PLACES.indexOf(place) + 1) % PLACES.length]!;
    const asked = await interfaceId(INTERFACES[place]);
    for (const wrong of [logic[other], group.token]) {
      await assert.rejects(deploy({ [place]: wrong }), (error: Error) => {
        const [, implementation, id] =
          /ImplementationWrong\("?(0x\w+)"?, "?(0x\w+)"?\)/.exec(error.message) ?? [];
        assert.deepEqual([implementation?.toLowerCase(), id], [wrong.toLowerCase(), asked], error.message);
        return true;
      });
    }
    await assert.rejects(deploy({ [place]: testAccount(1).address }), /ImplementationMissing/);
  }
  assert.ok(await deploy({}));
});
