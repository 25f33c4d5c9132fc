import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Address, createPublicClient, createWalletClient, custom, encodeAbiParameters } from "viem";
import { registerKeeper } from "../../../keeper/register.ts";
import { MemoError } from "../../../protocol/errors.ts";
import { createSilentLogger } from "../../../protocol/runtime/logger.ts";
import { registerProvider } from "../../../provider/register.ts";
import { operatorAccount, ownerAccount } from "./support.ts";

const ENDPOINT = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
/** Token wei. One, because the chain below answers every call with it: balances, and that an approval went well. */
const STAKE = 1n;

/** A chain on which every balance is `balance` and no transaction can be made. */
function chainWith(balance: bigint) {
  const asked: string[] = [];
  const transport = custom(
    {
      async request({ method }: { method: string }) {
        asked.push(method);
        if (method === "eth_call") return encodeAbiParameters([{ type: "uint256" }], [balance]);
        throw new Error(`${method} is not answered`);
      },
    },
    { retryCount: 0 },
  );
  return {
    asked,
    common: {
      publicClient: createPublicClient({ transport }),
      walletClient: createWalletClient({ account: ownerAccount, transport }),
      token: `0x${"aa".repeat(20)}` as Address,
      staking: `0x${"bb".repeat(20)}` as Address,
      logger: createSilentLogger(),
    },
  };
}

type Common = ReturnType<typeof chainWith>["common"];
type Terms = { operator: Address; endpoint: string; stake: bigint };
const registrations: [string, (common: Common, terms: Terms) => Promise<unknown>][] = [
  [
    "a provider",
    (common, terms) =>
      registerProvider({ ...common, registration: { ...terms, domain: "cellar", ask: 1n, repairs: true } }),
  ],
  ["a keeper", (common, terms) => registerKeeper({ ...common, ...terms })],
];

for (const [who, register] of registrations) {
  describe(`registering ${who}`, () => {
    /** The error, and whether it came to a transaction before. */
    async function attempt(change: Partial<Terms & { balance: bigint }>) {
      const { asked, common } = chainWith(change.balance ?? STAKE);
      const terms = { operator: operatorAccount.address, endpoint: ENDPOINT, stake: STAKE, ...change };
      const error = await register(common, terms).catch((cause: unknown) => cause);
      assert.ok(error instanceof MemoError);
      return { error, began: asked.some((method) => method !== "eth_call") };
    }

    it("is refused with less than the stake, saying how much there is", async () => {
      const { error, began } = await attempt({ balance: STAKE - 1n });
      assert.equal(error.code, "TOKENS_INSUFFICIENT");
      assert.deepEqual(error.details, { owner: ownerAccount.address, balance: 0n, stake: STAKE });
      assert.equal(began, false);
    });

    it("is refused when the operator's key is the owner's", async () => {
      const { error, began } = await attempt({ operator: ownerAccount.address });
      assert.equal(error.code, "OWNER_IS_OPERATOR");
      assert.equal(began, false);
    });

    it("is refused with an endpoint that nobody could dial", async () => {
      const { error, began } = await attempt({ endpoint: "/ip4/127.0.0.1/tcp/1" });
      assert.equal(error.code, "ENDPOINT_MALFORMED");
      assert.equal(began, false);
    });

    it("begins with exactly the stake", async () => {
      assert.equal((await attempt({})).began, true);
    });
  });
}
