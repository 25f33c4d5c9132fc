import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PublicClient } from "viem";
import { createGroupState } from "../../../protocol/chain/groupState.ts";
import type { GroupState, ProviderInfo } from "../../../protocol/chain/groupTypes.ts";
import { createChainView } from "../../../provider/chainView.ts";
import { address, GENESIS, hash, testDeployment } from "../chain/blocks.ts";

const [group] = testDeployment.groups as [(typeof testDeployment.groups)[0]];
const { epochLength } = group.parameters;
const OWN = address(11);

function providerInfo(id: number, more: Partial<ProviderInfo> = {}): ProviderInfo {
  return {
    id,
    owner: address(100 + id),
    operator: address(10 + id),
    formerOperators: [],
    endpoint: "/e",
    domain: hash(id),
    ask: 5n,
    repairs: true,
    stake: 10n ** 19n,
    locked: 10n ** 18n,
    lockedAnew: { epoch: 0, amount: 0n },
    jailedUntil: 0,
    exiting: false,
    registeredAt: 1,
    ...more,
  };
}

/** The view of a daemon with key `OWN`, and a chain that moves by hand. */
function startView(of: { bound?: number; lockShare?: number } = {}) {
  let bound = of.bound;
  const parameters = { ...group.parameters, lockShare: of.lockShare ?? 10_000 };
  const view = createChainView({
    chainId: 31_337,
    group: { ...group, parameters },
    account: { address: OWN },
    publicClient: {} as PublicClient,
    identity: {
      providerId: () => bound,
      setProviderId(id) {
        bound = id;
      },
    },
  });
  const empty = createGroupState({ chainId: 31_337, group: { ...group, parameters } });
  const see = (epoch: number, ...providers: ProviderInfo[]) => {
    const head = { number: epoch, hash: hash(epoch), timestamp: GENESIS + epoch * epochLength };
    const known = new Map(providers.map((provider) => [provider.id, provider]));
    view.update({ ...empty, head, providers: known } satisfies GroupState);
  };
  return { view, see, bound: () => bound };
}

/** Provider 1 after its owner has given it another key in epoch 3. */
const rotated = providerInfo(1, {
  operator: address(50),
  formerOperators: [{ operator: OWN, until: GENESIS + 3 * epochLength + 5 }],
});

describe("whose bytes a data directory holds", () => {
  it("is remembered from when this key is first seen as an operator's", () => {
    const { view, see, bound } = startView();
    see(1, providerInfo(2));
    assert.deepEqual([view.providerId(), bound()], [undefined, undefined]);
    see(2, providerInfo(2), providerInfo(1));
    assert.deepEqual([view.providerId(), bound(), view.self()?.id], [1, 1, 1]);
  });

  it("stays the same provider's under its next key, before that key is on chain", () => {
    const { view, see } = startView({ bound: 4 });
    see(1, providerInfo(4));
    assert.equal(view.providerId(), 4);
    assert.equal(view.self(), undefined);
    assert.equal(view.operatorReplaced(), true, "with this key it does nothing");
    see(2, providerInfo(4, { operator: OWN }));
    assert.equal(view.self()?.id, 4);
    assert.equal(view.operatorReplaced(), false);
  });
});

describe("a key that was replaced", () => {
  it("is no operator's any more, but the proofs of the running epoch are still signed with it", () => {
    const { view, see } = startView();
    see(3, providerInfo(1));
    assert.equal(view.operatorReplaced(), false);
    see(3, rotated);
    assert.deepEqual([view.self(), view.operatorReplaced(), view.providerId()], [undefined, true, 1]);
    assert.equal(view.signsProofs(3), true);
    assert.equal(view.signsProofs(4), false);
  });

  it("may become that of another provider, which is this one then", () => {
    const { view, see, bound } = startView();
    see(3, providerInfo(1));
    see(4, rotated, providerInfo(2, { operator: OWN }));
    assert.deepEqual([view.self()?.id, view.operatorReplaced(), bound()], [2, false, 2]);
  });
});

describe("what this provider may take", () => {
  it("is limited by what it may lock anew in an epoch", () => {
    const { view, see } = startView({ lockShare: 2_500 });
    const most = 10n ** 19n / 4n;
    see(7, providerInfo(1, { lockedAnew: { epoch: 6, amount: most } }));
    assert.equal(view.self()?.lockable, most);
    see(7, providerInfo(1, { lockedAnew: { epoch: 7, amount: most - 3n } }));
    assert.equal(view.self()?.lockable, 3n);
  });

  it("is nothing while it is jailed", () => {
    const { view, see } = startView();
    see(7, providerInfo(1, { jailedUntil: 8 }));
    assert.equal(view.self()?.jailedUntil, 8);
    see(8, providerInfo(1, { jailedUntil: 8 }));
    assert.equal(view.self()?.jailedUntil, 0);
  });
});
