import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { ListedProvider } from "../../../client/chain/members.ts";
import { createProviderPool } from "../../../client/store/chooseProviders.ts";
import { parsePolicy } from "../../../protocol/object/policy.ts";
import { testRandom } from "../object/noise.ts";

const ADDRESS = "0x0000000000000000000000000000000000000001";

function provider(id: number, domain: number, ask = 100n): ListedProvider {
  const text = `0x${domain.toString(16).padStart(64, "0")}` as const;
  return {
    id,
    owner: ADDRESS,
    operator: ADDRESS,
    endpoint: `p${id}`,
    domain: text,
    ask,
    repairs: true,
    jailedUntil: 0,
    exiting: false,
  };
}

function counts(taken: readonly ListedProvider[]): number[] {
  return Object.values(Object.groupBy(taken, (one) => one.domain)).map((group) => group!.length);
}

describe("choice of providers", () => {
  it("names different ones and gives no failure domain more than ⌈n / domains⌉ slots while that is possible", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 20 }),
        fc.nat(),
        (domains, extra, seed) => {
          const policy = parsePolicy("rs(6,3)");
          const perDomain = Math.ceil(policy.n / domains);
          const total = perDomain * domains + extra;
          const providers = Array.from({ length: total }, (_, i) => provider(i + 1, i % domains));
          const pool = createProviderPool({ providers, policy, maxPrice: 100n, random: testRandom(seed) });
          const taken = Array.from({ length: policy.n }, () => pool.take());
          assert.equal(new Set(taken.map((one) => one.id)).size, policy.n);
          assert.ok(Math.max(...counts(taken)) <= perDomain);
          assert.equal(pool.left(), total - policy.n);
        },
      ),
    );
  });

  it("fills slots from a crowded domain rather than not at all", () => {
    const providers = [...Array.from({ length: 8 }, (_, i) => provider(i + 1, 1)), provider(9, 2)];
    const pool = createProviderPool({
      providers,
      policy: parsePolicy("rs(6,3)"),
      maxPrice: 100n,
      random: testRandom(),
    });
    assert.equal(new Set(Array.from({ length: 9 }, () => pool.take().id)).size, 9);
  });

  it("takes cheaper ones first and none that asks for more than the price", () => {
    const providers = [
      provider(1, 1, 300n),
      provider(2, 2, 100n),
      provider(3, 3, 200n),
      provider(4, 4, 301n),
    ];
    const pool = createProviderPool({
      providers,
      policy: parsePolicy("copies(2)"),
      maxPrice: 300n,
      random: testRandom(),
    });
    assert.deepEqual([pool.take().id, pool.take().id, pool.take().id], [2, 3, 1]);
    assert.throws(() => pool.take(), { code: "NOT_ENOUGH_PROVIDERS" });
  });

  it("spreads anew after one is dropped, and never takes it again", () => {
    const providers = [provider(1, 1), provider(2, 2), provider(3, 1), provider(4, 2)];
    const pool = createProviderPool({
      providers,
      policy: parsePolicy("copies(2)"),
      maxPrice: 100n,
      random: testRandom(),
    });
    const first = pool.take();
    const second = pool.take();
    pool.drop(first);
    const third = pool.take();
    assert.notEqual(third.id, first.id);
    assert.notEqual(third.domain, second.domain);
  });

  it("refuses a policy that needs more providers than there are", () => {
    const options = { providers: [provider(1, 1), provider(2, 2)], maxPrice: 100n, random: testRandom() };
    assert.throws(() => createProviderPool({ ...options, policy: parsePolicy("copies(3)") }), {
      code: "NOT_ENOUGH_PROVIDERS",
    });
  });
});
